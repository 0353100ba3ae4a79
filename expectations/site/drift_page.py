"""Drift: predictions of a day against the training rows of their model, feature by feature."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from html import escape
from itertools import pairwise
from typing import Any, Final

from expectations.diagnosis import Diagnosis
from expectations.drift.record import SCORE, Bins, Compared, DriftDay
from expectations.site.area import Area, Problem, Trend, as_of, worst
from expectations.site.axes import Axis, days_since_epoch
from expectations.site.charts import Series, line_chart
from expectations.site.diagnosed import LOOKED_BACK, NEXT, TONES, measured, reason, sentence
from expectations.site.glyphs import pair_bars, sparkline
from expectations.site.markup import (
    Grid,
    Markup,
    Plot,
    Shown,
    breakable,
    gallery,
    link,
    paragraph,
    pill,
    table,
)

PAGE: Final = "drift.html"
TITLE: Final = "Drift"
_KEYS: Final = (
    '<ul class="keys"><li><i style="background:var(--s2)"></i>training</li>'
    '<li><i style="background:var(--s0)"></i>served</li></ul>'
)


def drift_area(found: Sequence[DriftDay], days: Sequence[date], now: datetime, stale: timedelta) -> Area:
    """The area; ``found`` by model and day."""
    if not found:
        return Area(
            TITLE,
            PAGE,
            "unknown",
            "not measured",
            "`python -m expectations drift` holds predictions against training.",
        )
    by_model = {
        name: [day for day in found if day.model == name] for name in dict.fromkeys(d.model for d in found)
    }
    newest = [of_model[-1] for of_model in by_model.values()]
    judged = [one for day in newest for one in day.whole.subjects if not one.skipped]
    alarms = [one.alarm for one in judged if one.alarm]
    last = max(day.whole.end for day in newest)
    tone, late = as_of(worst([TONES[a.diagnosis] for a in alarms]) if alarms else "good", last, now, stale)
    counts = [sum(a.diagnosis is one for a in alarms) for one in Diagnosis]
    told = ", ".join(f"{count} {one}" for one, count in zip(Diagnosis, counts, strict=True) if count)
    return Area(
        TITLE,
        PAGE,
        tone if judged else "unknown",
        f"{len(alarms)} of {len(judged)} drifted" if judged else "too few predictions",
        f"Features and scores of {last - timedelta(days=1):%F} against training{f': {told}' if told else ''}.{late}",
        Trend(f"alarms per day, {len(days)} days", _by_day(found, days)),
        sorted(
            (problem for of_model in by_model.values() for problem in _problems(of_model)),
            key=lambda problem: problem.when,
            reverse=True,
        ),
        [part for of_model in by_model.values() for part in _model(of_model)],
    )


def _by_day(found: Sequence[DriftDay], days: Sequence[date]) -> list[float | None]:
    alarms: dict[date, int] = {}
    for day in found:
        alarms[day.day] = alarms.get(day.day, 0) + len(day.whole.alarms)
    return [alarms.get(day) for day in days]


def _problems(of_model: Sequence[DriftDay]) -> list[Problem]:
    """One for each subject and diagnosis of the last days, at its newest alarm."""
    newest = of_model[-1]
    lately = [day for day in reversed(of_model) if day.day > newest.day - timedelta(days=LOOKED_BACK)]
    found: dict[tuple[str, Diagnosis], list[tuple[DriftDay, Compared]]] = {}
    for day in lately:
        for one in day.whole.alarms:
            assert one.alarm  # noqa: S101  these have one
            found.setdefault((one.subject, one.alarm.diagnosis), []).append((day, one))
    return [_problem(diagnosis, of, len(lately), newest) for (_, diagnosis), of in found.items()]


def _problem(
    diagnosis: Diagnosis, of: Sequence[tuple[DriftDay, Compared]], looked_at: int, newest: DriftDay
) -> Problem:
    day, one = of[0]
    assert one.alarm  # noqa: S101  it is a problem for it
    over = "" if day is newest else f" {newest.day} is within its thresholds."
    return Problem(
        min(day.whole.end, day.built),
        f"{day.model}, {one.subject}: {measured(one.alarm)} beyond the threshold on {len(of)} of {looked_at} days.{over}",
        reason(one.alarm),
        NEXT[diagnosis],
        TONES[diagnosis] if day is newest else "look",
    )


_COLUMNS: Final = (
    "Feature",
    "Result",
    "PSI",
    "Test statistic",
    "p, adjusted",
    "Missing in training (%)",
    "Missing (%)",
    "New categories (%)",
    "Hours with alarm",
    "View",
)


def _model(of_model: Sequence[DriftDay]) -> list[str]:
    newest = of_model[-1]
    subjects = sorted(newest.whole.subjects, key=_loudest_first)
    spoken = (
        f"{newest.whole.rows:,} predictions of {newest.day} by {newest.version}. PSI: population stability index, less what "
        "chance alone would bring. Test: Kolmogorov-Smirnov or chi-square, p corrected for the number of subjects."
    )
    grid = Grid(f"Features of {newest.model}", _COLUMNS, [_row(one, newest) for one in subjects])
    loud = [one for one in subjects if one.alarm]
    return [
        f"<h2>{escape(newest.model)}</h2>",
        paragraph(spoken, "soft"),
        *_alarms_over_days(of_model),
        *_distributions(f"Beyond a threshold, {newest.model}", loud, of_model),
        f"<h2>All features of {escape(newest.model)}</h2>",
        table(grid, sortable=True),
        *_distributions(f"Within the thresholds, {newest.model}", subjects[len(loud) :], of_model),
    ]


def _distributions(title: str, subjects: Sequence[Compared], of_model: Sequence[DriftDay]) -> list[str]:
    if not subjects:
        return []
    figures = "".join(_small(one, of_model) for one in subjects)
    return [f"<h2>{escape(title)}</h2>", _KEYS, f'<div class="smalls">{figures}</div>']


def _loudest_first(one: Compared) -> tuple[bool, bool, float]:
    return one.alarm is None, one.subject != SCORE, -(one.psi or 0.0)


def _row(one: Compared, day: DriftDay) -> list[Any]:
    hours = sum(any(s.subject == one.subject for s in hour.alarms) for hour in day.hours)
    return [
        link(f"#{_anchor(day.model, one.subject)}", one.subject),
        _result(one),
        None if one.psi is None else Shown(f"{one.psi:.3f}", one.psi),
        None if one.statistic is None else Shown(f"{one.test} {one.statistic:.3f}", one.statistic),
        None if one.p_adjusted is None else Shown(f"{one.p_adjusted:.2g}", one.p_adjusted),
        _percent(one.missing_reference),
        _percent(one.missing),
        _percent(one.new_categories),
        hours,
        one.view or ("model" if one.subject == SCORE else "on demand"),
    ]


def _percent(share: float) -> Shown:
    return Shown(f"{100 * share:.2f}", share)


def _result(one: Compared) -> Markup:
    if one.skipped:
        return pill("unknown", f"not judged: {one.skipped}")
    return pill(TONES[one.alarm.diagnosis], one.alarm.diagnosis) if one.alarm else pill("good", "within")


def _alarms_over_days(of_model: Sequence[DriftDay]) -> list[str]:
    if len(of_model) < 2:
        return []
    x = [days_since_epoch(day.whole.start) for day in of_model]
    lines = [Series(one, x, [_count(day, one) for day in of_model], dotted=True) for one in Diagnosis]
    top = max(value or 0.0 for line in lines for value in line.y)
    y = Axis("features", 0, max(1.0, top), whole=top <= 6)
    chart = line_chart(Axis("day (UTC)", x[0], x[-1], whole=True, days=True), y, lines)
    return [
        gallery([Plot("Alarms by diagnosis", chart, "Features and scores beyond a threshold, day by day.")])
    ]


def _count(day: DriftDay, diagnosis: Diagnosis) -> float:
    return sum(one.alarm is not None and one.alarm.diagnosis is diagnosis for one in day.whole.alarms)


def _small(one: Compared, of_model: Sequence[DriftDay]) -> str:
    newest = of_model[-1]
    bars = ""
    if one.bins and one.bins.reference:
        told = f"{one.subject}: share of values in each bin, training and served"
        bars = pair_bars(bin_names(one.bins), one.bins.reference, one.bins.current, told)
    course = [_psi(day, one.subject) for day in of_model]
    trend = sparkline(course, f"PSI of {len(course)} days") if len(course) > 1 else ""
    said = sentence(one.alarm.why) if one.alarm else one.skipped or _within(one)
    caption = f'<figcaption class="soft">PSI over {len(course)} days</figcaption>' if trend else ""
    return (
        f'<figure id="{escape(_anchor(newest.model, one.subject))}"><h3>{breakable(escape(one.subject))}</h3>{_result(one)}{bars}{trend}'
        f"{caption}<figcaption>{escape(said)}</figcaption></figure>"
    )


def _within(one: Compared) -> str:
    psi = "" if one.psi is None else f"PSI {one.psi:.3f}, "
    return f"{psi}{one.rows:,} values against {one.reference_rows:,} of training."


def _psi(day: DriftDay, subject: str) -> float | None:
    return next((one.psi for one in day.whole.subjects if one.subject == subject), None)


def bin_names(bins: Bins) -> list[str]:
    """What lies in each bin: a category, or the edges of an interval."""
    if bins.names:
        return list(bins.names)
    return [f"{low:.4g}" if low == high else f"{low:.4g} .. {high:.4g}" for low, high in pairwise(bins.edges)]


def _anchor(model: str, subject: str) -> str:
    return f"{model}-{subject}"
