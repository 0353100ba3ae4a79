"""Gates: what was refused, what waits for a decision, and what somebody let through, with who, when and why."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from expectations.kept import KeptCheck
from expectations.quarantined import Entry
from expectations.site.area import Area, Problem, Tone, Trend
from expectations.site.items import Item, item_list
from expectations.site.markup import paragraph
from expectations.site.models_page import Version

PAGE: Final = "gates.html"
TITLE: Final = "Gates"
_PATIENCE: Final = timedelta(days=1)
"""A refused batch that waits longer is forgotten, or nobody knows whose it is."""
_NOTHING: Final = (
    "Nothing has come to a gate yet; `feast materialize` and `python -m training` hold their batches to one."
)


def gates_area(
    checks: Sequence[KeptCheck],
    entries: Sequence[Entry],
    versions: Sequence[Version],
    days: Sequence[date],
    now: datetime,
) -> Area:
    """The area; ``checks`` and ``entries`` with the newest first, ``days`` in order, ``now`` aware."""
    if not checks and not entries and not versions:
        return Area(TITLE, PAGE, "unknown", "nothing", _NOTHING)
    taken = {(check.suite, check.batch) for check in checks if check.accepted is not None}
    entries = [entry for entry in entries if (entry.suite, entry.batch) not in taken]
    waiting = [entry for entry in entries if entry.closed is None]
    overruled = sum(1 for item in (*_taken(checks), *_overridden(versions)) if item.when.date() >= days[0])
    problems = [*_forgotten(waiting, now), *_held_back(versions)]
    return Area(
        TITLE,
        PAGE,
        "look" if problems else "good",
        f"{len(waiting):,} undecided",
        _sentence(waiting, overruled, len(days)),
        Trend(f"batches refused, {len(days)} days", _refused_by_day(entries, days)),
        problems,
        _body(checks, entries, versions),
    )


def _sentence(waiting: Sequence[Entry], overruled: int, days: int) -> str:
    whole = sum(entry.refused for entry in waiting)
    rows = sum(entry.rows for entry in waiting if not entry.refused)
    return (
        f"{whole:,} refused {_plural('batch', 'batches', whole)} and {rows:,} single {_plural('row', 'rows', rows)} wait "
        f"for a decision; gates were overruled {overruled:,} {_plural('time', 'times', overruled)} in {days} days."
    )


def _refused_by_day(entries: Iterable[Entry], days: Sequence[date]) -> list[float | None]:
    refused = [datetime.fromisoformat(entry.time).date() for entry in entries if entry.refused]
    return [refused.count(day) for day in days] if refused else []


def _forgotten(waiting: Iterable[Entry], now: datetime) -> Iterator[Problem]:
    for entry in waiting:
        since = datetime.fromisoformat(entry.time)
        if entry.refused and now - since > _PATIENCE:
            yield Problem(
                since,
                f"{entry.suite}, batch {entry.batch}: refused, and nobody has decided for {(now - since).days:,} days.",
                f"The whole batch is kept: {entry.rows:,} rows.{_reasons(entry)}",
                f"`python -m expectations quarantine show {entry.name}`, then `replay` or `release` it",
                "look",
            )


def _held_back(versions: Sequence[Version]) -> Iterator[Problem]:
    """The newest version of each model, where its checks kept it out."""
    newest: dict[str, Version] = {}
    for version in sorted(versions, key=lambda version: version.created, reverse=True):
        newest.setdefault(version.model, version)
    for version in newest.values():
        if version.failed and not version.champion and not version.overrides:
            yield Problem(
                version.created,
                f"{version.model} {version.name}, the newest version, was not promoted.",
                f"It failed {', '.join(version.failed)}. The version before stays in use.",
                f"read its report on the page of models; train again, or `python -m training.registry promote {version.model} "
                f"{version.name} --anyway REASON`",
                "look",
            )


def _body(checks: Sequence[KeptCheck], entries: Sequence[Entry], versions: Sequence[Version]) -> list[str]:
    return [
        *item_list(
            "Refused batches", [_kept(entry) for entry in entries if entry.refused], "No batch was refused."
        ),
        *item_list(
            "Rows in quarantine",
            [_kept(entry) for entry in entries if not entry.refused],
            "No row of a batch that passed broke an expectation.",
        ),
        paragraph("`python -m expectations quarantine list|show|replay|release` decides about both.", "soft"),
        *item_list("Batches taken against their suites", list(_taken(checks)), "None was."),
        *item_list(
            "Promotions refused and overruled",
            [*_overridden(versions), *_not_promoted(versions)],
            "The checks of every version held.",
        ),
    ]


def _kept(entry: Entry) -> Item:
    since, closed = datetime.fromisoformat(entry.time), entry.closed
    rows = f"{'The whole batch, ' if entry.refused else ''}{entry.rows:,} {_plural('row', 'rows', entry.rows)}.{_reasons(entry)}"
    if closed is None:
        return Item("look" if entry.refused else "unknown", "waits", entry.name, since, rows)
    decided = (
        f"Decided {datetime.fromisoformat(closed['time']):%F %H:%M} UTC by {closed['by']}: {closed['reason']}"
    )
    return Item("good", closed["what"], entry.name, since, rows, decided)


def _taken(checks: Iterable[KeptCheck]) -> Iterator[Item]:
    for check in checks:
        if not check.success and check.accepted is not None:
            failed = ", ".join(f"{one['expectation']}({one['column']})" for one in check.failures)
            yield Item(
                "look",
                "overridden",
                f"{check.suite}/{check.batch}",
                datetime.fromisoformat(check.accepted["time"]),
                f"by {check.accepted['by']}: {check.accepted['reason']}",
                f"Failed: {failed}.",
            )


def _overridden(versions: Iterable[Version]) -> Iterator[Item]:
    for version in versions:
        for override in reversed(version.overrides):
            failed = "; ".join(f"{name}: {found}" for name, found in override.failed.items())
            yield Item(
                "look",
                "overruled",
                f"{version.model} {version.name}{' (in use)' if version.champion else ''}",
                override.time,
                f"by {override.by}: {override.reason}",
                f"Failed: {failed}.",
            )


def _not_promoted(versions: Iterable[Version]) -> Iterator[Item]:
    for version in versions:
        if version.failed and not version.overrides:
            tone: Tone = "look" if version.champion else "unknown"
            word = "in use, no record" if version.champion else "refused"
            failed = f"Failed: {', '.join(version.failed)}."
            yield Item(tone, word, f"{version.model} {version.name}", version.created, failed)


def _reasons(entry: Entry) -> str:
    told = ", ".join(f"{reason} in {count:,}" for reason, count in entry.reasons.items())
    return f" They break {told}." if told else ""


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many
