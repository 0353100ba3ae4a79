"""Model performance: what became of the orders that were judged, once their labels had had time to arrive."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from html import escape
from typing import Any, Final

from expectations.diagnosis import Alarm, Diagnosis
from expectations.drift.record import Figure, PerformanceDay
from expectations.site.area import Area, Problem, Trend, as_of, worst
from expectations.site.axes import Axis, days_since_epoch
from expectations.site.charts import Band, Series, line_chart
from expectations.site.diagnosed import LOOKED_BACK, NEXT, TONES, measured, reason
from expectations.site.markup import Grid, Plot, Shown, gallery, paragraph, pill, table

PAGE: Final = "performance.html"
TITLE: Final = "Performance"


def performance_area(
    found: Sequence[PerformanceDay], days: Sequence[date], now: datetime, stale: timedelta
) -> Area:
    """The area; ``found`` by model and day."""
    if not found:
        return Area(
            TITLE,
            PAGE,
            "unknown",
            "not measured",
            "`python -m expectations drift` measures it once labels have arrived.",
        )
    by_model = {name: [d for d in found if d.model == name] for name in dict.fromkeys(d.model for d in found)}
    newest = [of_model[-1] for of_model in by_model.values()]
    alarms = [(day, day.alarm) for day in newest if day.alarm]
    settled = max(day.settled for day in newest)
    tone, late = as_of(
        worst([TONES[alarm.diagnosis] for _, alarm in alarms]) if alarms else "good", settled, now, stale
    )
    first = newest[0]
    return Area(
        TITLE,
        PAGE,
        tone,
        _number(first),
        f"{first.model} on {first.orders:,} orders of {first.day}, the newest day whose labels are in; "
        f"{_held_out(first)}.{late}",
        Trend(f"average precision of {first.model}, {len(days)} days", _by_day(by_model[first.model], days)),
        [problem for of_model in by_model.values() for problem in _problems(of_model)],
        [part for of_model in by_model.values() for part in _model(of_model, now)],
    )


def _number(day: PerformanceDay) -> str:
    if day.average_precision is None:
        return f"{day.positives} positives"
    return f"AP {day.average_precision.value:.3f}"


def _held_out(day: PerformanceDay) -> str:
    return f"average precision {day.reference_average_precision:.3f} and AUC {day.reference_auc:.3f} on held-out rows"


def _by_day(of_model: Sequence[PerformanceDay], days: Sequence[date]) -> list[float | None]:
    found = {day.day: day.average_precision.value for day in of_model if day.average_precision}
    return [found.get(day) for day in days]


def _problems(of_model: Sequence[PerformanceDay]) -> list[Problem]:
    """One for each diagnosis of the last days, at its newest alarm."""
    newest = of_model[-1]
    lately = [day for day in reversed(of_model) if day.day > newest.day - timedelta(days=LOOKED_BACK)]
    found: dict[Diagnosis, list[tuple[PerformanceDay, Alarm]]] = {}
    for day in lately:
        if day.alarm:
            found.setdefault(day.alarm.diagnosis, []).append((day, day.alarm))
    return [_problem(of, len(lately), newest) for of in found.values()]


def _problem(of: Sequence[tuple[PerformanceDay, Alarm]], looked_at: int, newest: PerformanceDay) -> Problem:
    day, alarm = of[0]
    over = "" if day is newest else f" {newest.day} is within its thresholds."
    return Problem(
        min(day.settled, day.built),
        f"{day.model}: {measured(alarm)} beyond the threshold on {len(of)} of {looked_at} days, last for the "
        f"{day.orders:,} orders of {day.day}.{over}",
        reason(alarm),
        NEXT[alarm.diagnosis],
        TONES[alarm.diagnosis] if day is newest else "look",
    )


def _model(of_model: Sequence[PerformanceDay], now: datetime) -> list[str]:
    newest = of_model[-1]
    waiting = newest.settled - datetime.combine(newest.day + timedelta(days=1), time(), UTC)
    spoken = (
        f"An order is judged when its label has had {waiting / timedelta(days=1):g} days to arrive: the newest day that is "
        f"settled is {newest.day}. Bounds are those of other orders of the same day (95 %)."
    )
    return [
        f"<h2>{escape(newest.model)}</h2>",
        paragraph(spoken, "soft"),
        *([gallery(_plots(of_model, now))] if len(of_model) > 1 else []),
        '<p class="soft">How probabilities are spread: <a href="predictions.html">Predictions</a>.</p>',
        table(
            Grid(f"Days of {newest.model}", _COLUMNS, [_row(day) for day in reversed(of_model)]),
            sortable=True,
        ),
    ]


def _plots(of_model: Sequence[PerformanceDay], now: datetime) -> list[Plot]:
    newest = of_model[-1]
    return [
        _ranking(
            "Average precision",
            of_model,
            now,
            lambda d: d.average_precision,
            newest.reference_average_precision,
        ),
        _ranking("AUC", of_model, now, lambda d: d.auc, newest.reference_auc),
        _rates(of_model, now),
    ]


def _ranking(
    name: str,
    of_model: Sequence[PerformanceDay],
    now: datetime,
    figure: Callable[[PerformanceDay], Figure | None],
    reference: float,
) -> Plot:
    x, axis, band = _days(of_model, now)
    figures = [figure(day) for day in of_model]
    series = [
        Series(
            "served",
            x,
            [one.value if one else None for one in figures],
            dotted=True,
            bounds=[(one.low, one.high) if one else None for one in figures],
        ),
        Series("held-out rows", [axis.low, axis.high], [reference, reference], dashed=True),
    ]
    least = min((one.low for one in figures if one), default=0.0)
    y = Axis(name.lower() if name != "AUC" else name, 0.5 if name == "AUC" and least >= 0.5 else 0.0, 1)
    return Plot(
        f"{name} per day",
        line_chart(axis, y, series, [band]),
        "Shaded: 95 % bounds. Below the dashed line: worse than in training.",
    )


def _rates(of_model: Sequence[PerformanceDay], now: datetime) -> Plot:
    x, axis, band = _days(of_model, now)
    actual, predicted = (
        [100 * f.value for f in figures]
        for figures in zip(*((d.label_rate, d.predicted_rate) for d in of_model), strict=True)
    )
    reference = 100 * of_model[-1].reference_label_rate
    series = [
        Series("charged back", x, actual, dotted=True),
        Series("predicted", x, predicted, dotted=True),
        Series("held-out rows", [axis.low, axis.high], [reference, reference], dashed=True),
    ]
    y = Axis("orders (%)", 0, 1.15 * max(*actual, *predicted, reference) or 1.0)
    return Plot(
        "Label rate and calibration",
        line_chart(axis, y, series, [band]),
        "A calibrated model predicts as many as there are: where the lines part, probabilities are not what they say.",
    )


def _days(of_model: Sequence[PerformanceDay], now: datetime) -> tuple[list[float], Axis, Band]:
    """Places of the days, their axis up to the present, and the part of it whose labels are still on their way."""
    x = [days_since_epoch(datetime.combine(day.day, time(), UTC)) for day in of_model]
    end = max(days_since_epoch(now), x[-1] + 1)
    return (
        x,
        Axis("day of the order (UTC)", x[0], end, whole=True, days=True),
        Band("labels on their way", x[-1], end),
    )


_COLUMNS: Final = (
    "Day (UTC)",
    "Result",
    "Orders",
    "Charged back",
    "Rate (%)",
    "Predicted (%)",
    "Average precision",
    "AUC",
    "Version",
    "Settled (UTC)",
)


def _row(day: PerformanceDay) -> list[Any]:
    return [
        f"{day.day}",
        pill(TONES[day.alarm.diagnosis], day.alarm.diagnosis) if day.alarm else pill("good", "within"),
        day.orders,
        day.positives,
        _bounded(day.label_rate, 100),
        _bounded(day.predicted_rate, 100),
        day.average_precision and _bounded(day.average_precision),
        day.auc and _bounded(day.auc),
        day.version,
        f"{day.settled:%F}",
    ]


def _bounded(figure: Figure, times: float = 1) -> Shown:
    value, low, high = (times * one for one in (figure.value, figure.low, figure.high))
    digits = 2 if times > 1 else 3
    return Shown(f"{value:.{digits}f} ({low:.{digits}f} .. {high:.{digits}f})", value)
