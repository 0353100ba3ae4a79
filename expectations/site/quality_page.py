"""Data quality: the checks of batches, as a calendar, failures with what was found, and a table."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from html import escape
from typing import Any, Final

from expectations.check_diagnosis import Broken, Told, of_broken
from expectations.diagnosis import Diagnosis
from expectations.kept import KeptCheck
from expectations.site.area import Area, Problem, Trend, worst
from expectations.site.diagnosed import told as because
from expectations.site.glyphs import calendar
from expectations.site.markup import Grid, Shown, link, paragraph, pill, table

PAGE: Final = "quality.html"
_NEXT: Final = {
    Diagnosis.WORLD: "ask who sends the events; what is right and will stay so needs a wider threshold, or a reason to take it",
    Diagnosis.PIPELINE: "find the program that stored it; mend it, write the batch anew and check it again",
    Diagnosis.FRESHNESS: "see the freshness page; look at the senders and the stream workers",
}
_NEXT_UNTOLD: Final = "mend the source and check the batch again, or leave it out"
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_KEYS: Final = (
    '<ul class="keys"><li><i style="background:var(--good)"></i>all expectations held</li>'
    '<li><i style="background:var(--bad);border-radius:50%"></i>some failed (round)</li>'
    '<li><i style="background:var(--faint)"></i>no batch</li></ul>'
)


def quality_area(checks: Sequence[KeptCheck], days: Sequence[date]) -> Area:
    """The area; ``checks`` with the newest first, ``days`` in order."""
    if not checks:
        return Area(
            "Data quality",
            PAGE,
            "unknown",
            "0 checks",
            "Nothing has been checked yet; `python -m expectations check` does.",
        )
    latest = latest_of_each_batch(checks)
    newest = [check for check in latest if _lately(check, days)] or latest
    failed = [check for check in newest if not check.success]
    current = newest_of_each_suite(newest)
    told = diagnoses(failed)
    problems = [
        _problem(check, told.get((check.suite, check.batch)), newest=check in current) for check in failed
    ]
    held = len(newest) - len(failed)
    return Area(
        "Data quality",
        PAGE,
        worst([problem.tone for problem in problems]) if problems else "good",
        f"{held:,} of {len(newest):,} checks",
        f"{len(failed)} of {len(newest)} checks failed." if failed else f"All {len(newest)} checks passed.",
        Trend(f"share of checks passed, {len(days)} days", _passed(newest, days)),
        problems,
        _body(newest, failed, told, days),
    )


def latest_of_each_batch(checks: Iterable[KeptCheck]) -> list[KeptCheck]:
    """The newest check of each batch: one that failed and was mended is judged by the later one."""
    found: dict[tuple[str, str], KeptCheck] = {}
    for check in checks:
        found.setdefault((check.suite, check.batch), check)
    return list(found.values())


def newest_of_each_suite(checks: Iterable[KeptCheck]) -> list[KeptCheck]:
    """The check of the newest batch of each suite: what is served now is made of these."""
    found: dict[str, KeptCheck] = {}
    for check in sorted(checks, key=lambda check: (check_days(check)[1], check.time), reverse=True):
        found.setdefault(check.suite, check)
    return list(found.values())


def _lately(check: KeptCheck, days: Sequence[date]) -> bool:
    """Whether the batch, or its check, is of the days that are shown."""
    return max(check_days(check)[1], datetime.fromisoformat(check.time).date()) >= days[0]


def check_days(check: KeptCheck) -> tuple[date, date]:
    """First and last day of the batch, as its name says; else the day of the check, twice."""
    named = [date.fromisoformat(day) for day in _DAY.findall(check.batch)]
    made = datetime.fromisoformat(check.time).date()
    return (named[0], named[-1]) if named else (made, made)


def _passed(checks: Sequence[KeptCheck], days: Sequence[date]) -> list[float | None]:
    """Share of the checks of each day's batches that passed."""
    shares: list[float | None] = []
    for day in days:
        of_day = [check.success for check in checks if check_days(check)[0] <= day <= check_days(check)[1]]
        shares.append(sum(of_day) / len(of_day) if of_day else None)
    return shares


def diagnoses(failed: Iterable[KeptCheck]) -> dict[tuple[str, str], Told]:
    """Why checks failed, by suite and batch, where that can be told.

    The rows of a day and the day beside those before it are two checks of one thing: the more telling failure is that of both.
    """
    together: dict[tuple[str, str], list[KeptCheck]] = {}
    for check in failed:
        together.setdefault((_subject(check), check.batch), []).append(check)
    found: dict[tuple[str, str], Told] = {}
    for checks in together.values():
        broken = [
            Broken(check.suite, failure["expectation"], failure["column"], failure["observed"])
            for check in checks
            for failure in check.failures
        ]
        if told := of_broken(broken):
            found |= {(check.suite, check.batch): told for check in checks}
    return found


def _subject(check: KeptCheck) -> str:
    """The event type of a batch of its rows, or of a day of them; else the suite itself."""
    kind, _, name = check.suite.partition("-")
    return name if kind in ("events", "day") else check.suite


def _problem(check: KeptCheck, told: Told | None, *, newest: bool) -> Problem:
    first = check.failures[0]
    count = first["unexpected_count"]
    rows = "" if count is None else f" in {count:,} of {check.rows:,} rows"
    others = f", and {len(check.failures) - 1} more" if len(check.failures) > 1 else ""
    taken = "" if check.accepted is None else f" Taken all the same by {check.accepted['by']}."
    return Problem(
        datetime.fromisoformat(check.time),
        f"{check.suite}, batch {check.batch}: {first['expectation']}({first['column']}) failed{rows}{others}."
        f"{taken}{'' if newest else ' A newer batch of the suite held.'}",
        _why(told)
        if told
        else f"The batch is not what its definition says: {first['reason'] or 'see there'}.",
        f"see its rows on the page of data quality; {_NEXT[told.diagnosis] if told else _NEXT_UNTOLD}",
        "bad" if newest else "look",
    )


def _why(told: Told) -> str:
    return f"{because(told.diagnosis, told.why)} Told by {told.by.suite}: {told.by.expectation}({told.by.column})."


def _body(
    checks: Sequence[KeptCheck],
    failed: Sequence[KeptCheck],
    told: Mapping[tuple[str, str], Told],
    days: Sequence[date],
) -> list[str]:
    return [
        "<h2>Batches by day</h2>",
        _calendar(checks, days),
        _KEYS,
        paragraph(
            "A batch of many days marks each of them; a batch without days in its name, the day of its check.",
            "soft",
        ),
        *_all_failures(failed, told),
        "<h2>The newest batch of each suite</h2>",
        table(
            Grid("Newest batches", _COLUMNS, [_row(check) for check in newest_of_each_suite(checks)]),
            sortable=True,
        ),
        f"<details><summary>All {len(checks):,} batches</summary>",
        table(Grid("All batches", _COLUMNS, [_row(check) for check in checks]), sortable=True),
        "</details>",
        '<p class="soft"><a href="data_docs/index.html">Data Docs</a> hold every expectation of every check.</p>',
    ]


def _calendar(checks: Sequence[KeptCheck], days: Sequence[date]) -> str:
    rows: dict[str, dict[date, tuple[str, str]]] = {}
    for check in sorted(checks, key=lambda check: (check.suite, not check.success)):
        marked = rows.setdefault(check.suite, {})
        first, last = check_days(check)
        said = f"{check.passed} of {check.evaluated} held, {check.rows:,} rows"
        # Failed ones come last and stay.
        marked.update(dict.fromkeys(_between(first, last, days), ("good" if check.success else "bad", said)))
    return calendar(days, rows, "For each suite and day, whether its batches held")


def _between(first: date, last: date, days: Sequence[date]) -> list[date]:
    return [day for day in days if first <= day <= last]


_COLUMNS: Final = ("Suite", "Batch", "Result", "Rows", "Held", "Seconds", "Checked (UTC)")


def _row(check: KeptCheck) -> list[Any]:
    made = datetime.fromisoformat(check.time)
    return [
        link(check.page, check.suite),
        check.batch,
        _result(check),
        check.rows,
        Shown(f"{check.passed} of {check.evaluated}", check.passed / max(1, check.evaluated)),
        Shown(f"{check.seconds:.2f}", check.seconds),
        f"{made:%F %H:%M}",
    ]


def _result(check: KeptCheck) -> Any:
    if check.success:
        return pill("good", "passed")
    return pill("bad", "failed") if check.accepted is None else pill("look", "overridden")


def _all_failures(failed: Sequence[KeptCheck], told: Mapping[tuple[str, str], Told]) -> list[str]:
    if not failed:
        return []
    return ["<h2>Failed</h2>", *(_failures(check, told.get((check.suite, check.batch))) for check in failed)]


def _failures(check: KeptCheck, told: Told | None) -> str:
    said = [_taken(check.accepted)] if check.accepted is not None else []
    said += [_why(told)] if told else []
    texts = "".join(map(paragraph, said))
    texts += "".join(f"<pre>{escape(_failure(failure))}</pre>" for failure in check.failures)
    title = f"{check.suite}, batch {check.batch}: {len(check.failures)} failed"
    return f"<details><summary>{escape(title)}</summary>{texts}</details>"


def _taken(accepted: Mapping[str, Any]) -> str:
    return f"Taken all the same by {accepted['by']}, {accepted['time']}: {accepted['reason']}"


def _failure(failure: Mapping[str, Any]) -> str:
    count = failure["unexpected_count"]
    lines = [
        f"{failure['expectation']}({failure['column']})",
        f"expected {dict(failure['expected'])}: {failure['reason']}",
        f"observed {failure['observed']}" + ("" if count is None else f" in {count:,} rows"),
    ]
    return "\n".join([*lines, *(f"  {example}" for example in failure["examples"])])


def last_days(now: datetime, count: int) -> list[date]:
    """The present day and those before it, in order."""
    return [now.date() - timedelta(days=count - 1 - i) for i in range(count)]
