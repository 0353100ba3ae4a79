"""Predictions: how many, how fast, made of what."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from expectations.site.area import Area, Problem, Tone, Trend, as_of
from expectations.site.axes import Axis, days_since_epoch
from expectations.site.charts import Series, line_chart, steps
from expectations.site.markup import Grid, Plot, Shown, gallery, meter, table
from expectations.site.traffic import SCORE_EDGES, Hour, ScoreCounts, TrafficDay

PAGE: Final = "predictions.html"
TITLE: Final = "Predictions"
_LIVE_LEAST: Final = 0.99
"""Share of predictions made of live values below which one looks."""
_LINES_MOST: Final = 4


def traffic_area(found: Sequence[TrafficDay], days: Sequence[date], now: datetime, stale: timedelta) -> Area:
    """The area; ``found`` in order, of some of ``days``."""
    if not found:
        return Area(
            TITLE,
            PAGE,
            "unknown",
            "no predictions",
            "The prediction log has none; `python -m ingestion.predictions` archives it beside the API.",
        )
    newest = found[-1]
    tone: Tone = "good" if newest.live_share >= _LIVE_LEAST else "look"
    tone, late = as_of(tone, newest.hours[-1].start + timedelta(hours=1), now, stale)
    by_day = {one.day: one for one in found}
    return Area(
        TITLE,
        PAGE,
        tone,
        f"{newest.live_share:.2%} live",
        f"{newest.whole.predictions:,} predictions on {newest.day}, p99 {newest.whole.p99_ms:.1f} ms; "
        f"{_fallen(newest)} were made of something else than live values.{late}",
        Trend(
            f"predictions per day, {len(days)} days",
            [by_day[d].whole.predictions if d in by_day else None for d in days],
        ),
        [_problem(one) for one in reversed(found) if one.live_share < _LIVE_LEAST],
        _body(found),
    )


def _fallen(day: TrafficDay) -> str:
    return f"{day.whole.predictions - day.rungs.get('live', 0):,}"


def _problem(day: TrafficDay) -> Problem:
    rungs = ", ".join(f"{count:,} {rung}" for rung, count in day.rungs.items() if rung != "live")
    return Problem(
        day.hours[-1].start + timedelta(hours=1),
        f"On {day.day} only {day.live_share:.1%} of predictions were made of live values: {rungs}.",
        "The online store did not answer in time, and the API fell back.",
        "look at Redis in that hour (log, memory, latency) and at the breaker's metrics of the API",
        "look",
    )


def _body(found: Sequence[TrafficDay]) -> list[str]:
    newest = found[-1]
    return [
        "<h2>Over time</h2>",
        gallery([*_over_days(found), *_over_hours(found)]),
        "<h2>Scores</h2>",
        gallery(_scores(found)),
        f"<h2>What predictions of {newest.day} were made of</h2>",
        table(Grid("Rungs", ("Rung", "Predictions", "Share", ""), _shares(newest.rungs))),
        *_risk(newest),
        f"<h2>What feature views gave on {newest.day}</h2>",
        table(_views(newest), sortable=True),
        "<h2>Days</h2>",
        table(Grid("Days", _COLUMNS, [_row(day) for day in reversed(found)]), sortable=True),
    ]


_COLUMNS: Final = (
    "Day (UTC)",
    "Predictions",
    "Requests",
    "p50 (ms)",
    "p95 (ms)",
    "p99 (ms)",
    "Live (%)",
)


def _row(day: TrafficDay) -> list[Any]:
    whole = day.whole
    latencies = (Shown(f"{value:.2f}", value) for value in (whole.p50_ms, whole.p95_ms, whole.p99_ms))
    live = Shown(f"{100 * day.live_share:.2f}", day.live_share)
    return [f"{day.day}", whole.predictions, day.requests, *latencies, live]


def _over_days(found: Sequence[TrafficDay]) -> list[Plot]:
    if len(found) < 2:
        return []
    x = [days_since_epoch(day.whole.start) for day in found]
    counts = [day.whole.predictions for day in found]
    axis = Axis("day (UTC)", x[0], x[-1], whole=True, days=True)
    chart = line_chart(
        axis, Axis("predictions", 0, max(counts)), [Series("predictions per day", x, counts, dotted=True)]
    )
    return [
        Plot("Predictions per day", chart, "Days without any have no point."),
        _latency("day", axis, [day.whole for day in found], x),
    ]


def _over_hours(found: Sequence[TrafficDay]) -> list[Plot]:
    """The hours of the newest two days that had predictions."""
    hours = [hour for day in found[-2:] for hour in day.hours]
    x = [days_since_epoch(hour.start) for hour in hours]
    axis = Axis("hour (UTC)", x[0], max(x[-1], x[0] + 1 / 24), days=True)
    counts = [hour.predictions for hour in hours]
    chart = line_chart(
        axis, Axis("predictions", 0, max(counts)), [Series("predictions per hour", x, counts, dotted=True)]
    )
    return [
        Plot("Predictions per hour", chart, "The last two days that had any."),
        _latency("hour", axis, hours, x),
    ]


def _latency(step: str, axis: Axis, hours: Sequence[Hour], x: Sequence[float]) -> Plot:
    series = [
        Series("p99", x, [hour.p99_ms for hour in hours]),
        Series("p95", x, [hour.p95_ms for hour in hours]),
        Series("p50", x, [hour.p50_ms for hour in hours]),
    ]
    top = max(hour.p99_ms for hour in hours) or 1.0
    chart = line_chart(axis, Axis("latency (ms)", 0, top), series)
    return Plot(f"Latency per {step}", chart, "From the question to the answer, inside the API.")


def _scores(found: Sequence[TrafficDay]) -> list[Plot]:
    """For each model: the newest day's probabilities beside those of the days before, and the mean by day."""
    models = dict.fromkeys(score.model for score in found[-1].scores)
    return [plot for model in models for plot in _score_plots(model, found)]


def _score_plots(model: str, found: Sequence[TrafficDay]) -> list[Plot]:
    newest, before = found[-1], found[:-1]
    lines = [steps(_name(one), one.counts, SCORE_EDGES) for one in _of(model, newest)]
    earlier = [one.counts for day in before for one in _of(model, day) if not one.shadow]
    if earlier:
        lines.append(
            steps("days before", [sum(counts) for counts in zip(*earlier, strict=True)], SCORE_EDGES)
        )
    lines = lines[:_LINES_MOST]
    top = max(value or 0.0 for line in lines for value in line.y) or 1.0
    axis = Axis("probability", SCORE_EDGES[0], SCORE_EDGES[-1], logarithmic=True)
    spread = Plot(
        f"{model}: probabilities on {newest.day}",
        line_chart(axis, Axis("share of predictions", 0, top), lines),
        f"{SCORE_EDGES[0]:g} stands for less.",
    )
    return [spread, *_means(model, found)]


def _means(model: str, found: Sequence[TrafficDay]) -> list[Plot]:
    if len(found) < 2:
        return []
    x = [days_since_epoch(day.whole.start) for day in found]
    means = [_mean(model, day) for day in found]
    top = max((mean for mean in means if mean is not None), default=1.0) or 1.0
    chart = line_chart(
        Axis("day (UTC)", x[0], x[-1], whole=True, days=True),
        Axis("mean probability", 0, top),
        [Series("deciding versions", x, means, dotted=True)],
    )
    return [Plot(f"{model}: mean probability per day", chart, "A step without a new version asks why.")]


def _mean(model: str, day: TrafficDay) -> float | None:
    scored = [one for one in _of(model, day) if not one.shadow]
    count = sum(one.predictions for one in scored)
    return sum(one.mean * one.predictions for one in scored) / count if count else None


def _of(model: str, day: TrafficDay) -> list[ScoreCounts]:
    return [one for one in day.scores if one.model == model]


def _name(scores: ScoreCounts) -> str:
    """Short enough for a legend: the end of a version tells it apart."""
    version = scores.version.rsplit("@", 1)[-1]
    short = version if len(version) <= 14 else f"…{version[-12:]}"
    return f"{short}, shadow" if scores.shadow else short


def _shares(counts: Mapping[str, int]) -> list[list[Any]]:
    total = sum(counts.values())
    return [
        [name, count, Shown(f"{count / total:.2%}", count / total), meter(count / total)]
        for name, count in counts.items()
    ]


def _risk(day: TrafficDay) -> list[str]:
    if set(day.risk_levels) == {"none"}:
        return []
    rows = _shares(day.risk_levels)
    grid = Grid("Risk levels", ("Risk level", "Predictions", "Share", ""), rows)
    return [f"<h2>Risk levels on {day.day}</h2>", table(grid)]


def _views(day: TrafficDay) -> Grid:
    statuses = sorted({status for counts in day.views.values() for status in counts})
    rows = [
        [
            view,
            *(Shown(f"{counts.get(s, 0) / day.whole.predictions:.2%}", counts.get(s, 0)) for s in statuses),
        ]
        for view, counts in sorted(day.views.items())
    ]
    return Grid("Feature views", ("Feature view", *(_STATUS.get(s, s) for s in statuses)), rows)


_STATUS: Final = {
    "PRESENT": "there",
    "NOT_FOUND": "never seen",
    "OUTSIDE_MAX_AGE": "too old",
    "NULL_VALUE": "null",
    "INVALID": "not read",
}
