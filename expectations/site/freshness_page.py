"""Freshness: each feature view against its target, and how fast its error budget is spent."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from expectations.freshness.record import FreshnessRun, ViewFreshness
from expectations.site.area import Area, Problem, Tone, Trend, as_of, worst
from expectations.site.axes import Axis, days_since_epoch
from expectations.site.charts import Series, line_chart
from expectations.site.markup import Grid, Plot, Shown, gallery, meter, paragraph, pill, table

PAGE: Final = "freshness.html"
TITLE: Final = "Freshness"
_BUDGET_LOW: Final = 0.25
_BURN_FAST: Final = 14.4
"""At this pace the budget of 30 days is gone after two; the alert rules page at it, too."""
_SHOWN: Final = 4
_SOURCES: Final = {
    "stream": "events until they were readable",
    "log": "served values against the archive",
}


def freshness_area(
    runs: Sequence[FreshnessRun], days: Sequence[date], now: datetime, stale: timedelta
) -> Area:
    """The area; ``runs`` with the newest first."""
    seen = [view for view in runs[0].views if view.observations] if runs else []
    if not seen:
        return Area(
            TITLE,
            PAGE,
            "unknown",
            "not measured",
            "`python -m expectations freshness` measures it beside the stream worker.",
        )
    newest = runs[0]
    tones = [_tone(view) for view in seen]
    tone, late = as_of(worst(tones), newest.until, now, stale)
    least = min(seen, key=lambda view: view.budget_remaining)
    return Area(
        TITLE,
        PAGE,
        tone,
        f"{sum(view.held for view in seen)} of {len(seen)} views fresh",
        f"{least.view} has the least left of its error budget: {least.budget_remaining:.0%}.{late}",
        Trend(f"least budget left, {len(days)} days (%)", _by_day(runs, days)),
        [_problem(view, newest) for view, one in zip(seen, tones, strict=True) if one != "good"],
        _body(runs),
    )


def _tone(view: ViewFreshness) -> Tone:
    if not view.held:
        return "bad"
    fast = any(burn.observations and burn.rate > _BURN_FAST for burn in view.burns)
    return "look" if fast or view.budget_remaining < _BUDGET_LOW else "good"


def _by_day(runs: Sequence[FreshnessRun], days: Sequence[date]) -> list[float | None]:
    least: dict[date, float] = {}
    for run in runs:
        left = [100 * view.budget_remaining for view in run.views if view.observations]
        if left:
            least.setdefault(run.until.date(), min(left))
    return [least.get(day) for day in days]


def _problem(view: ViewFreshness, run: FreshnessRun) -> Problem:
    state = (
        f"has {view.budget_remaining:.0%} of its error budget left"
        if view.held
        else "overspent its error budget"
    )
    burning = ", ".join(f"{burn.rate:.1f} x over {_hours(burn.hours)}" for burn in view.burns)
    return Problem(
        run.until,
        f"{view.view} {state}: {view.missed:,} of {view.observations:,} observations were later than "
        f"{_seconds(view.target_seconds)}, p99 {_seconds(view.p99_seconds)}.",
        f"Freshness is lost: values are right, but too old. Burn rate now: {burning or 'not known'} (1 x lasts just as long "
        "as the budget is meant for).",
        "look at the consumer lag of the stream workers, at their log, and whether the view was materialized"
        if view.source == "stream"
        else "look when the view was last materialized, and at the lag of the stream workers",
        _tone(view),
    )


def _body(runs: Sequence[FreshnessRun]) -> list[str]:
    newest = runs[0]
    hours = list(dict.fromkeys(burn.hours for view in newest.views for burn in view.burns))
    head = ("View", "Result", "Budget left", "", "p99", "Target", "p99 of target", "p50", "Kept", "Asked")
    columns = (*head, *(f"Burn, {_hours(one)}" for one in hours), "Measured")
    views = sorted(newest.views, key=lambda view: (not view.observations, view.budget_remaining))
    spoken = (
        f"Measured {newest.measured:%F %H:%M} UTC, over {newest.since:%F %H:%M} to {newest.until:%F %H:%M} UTC. Budget left: the "
        "share of observations that may still miss the target. Burn: 1 spends the budget in just the time it is meant for."
    )
    return [
        paragraph(spoken, "soft"),
        table(Grid("Feature views", columns, [_row(view, hours) for view in views]), sortable=True),
        *_course(runs, [view.view for view in views if view.observations][:_SHOWN]),
    ]


def _row(view: ViewFreshness, hours: Sequence[float]) -> list[Any]:
    burns = {burn.hours: burn.rate for burn in view.burns if burn.observations}
    seen, p99 = view.observations > 0, view.p99_seconds
    used = None if p99 is None else p99 / view.target_seconds
    tone = _tone(view)
    return [
        view.view,
        pill(tone, "kept" if view.held else "missed") if seen else pill("unknown", "no data"),
        Shown(f"{view.budget_remaining:.0%}", view.budget_remaining) if seen else None,
        meter(view.budget_remaining, "bad" if tone != "good" else "good") if seen else "",
        _shown(p99),
        Shown(_seconds(view.target_seconds), view.target_seconds),
        None if used is None else Shown(f"{used:.0%}", used),
        _shown(view.p50_seconds),
        Shown(f"{1 - view.missed / view.observations:.3%}", 1 - view.missed / view.observations)
        if seen
        else None,
        Shown(f"{view.objective:.2%}", view.objective),
        *(Shown(f"{burns[one]:.2f} x", burns[one]) if one in burns else None for one in hours),
        _SOURCES[view.source],
    ]


def _course(runs: Sequence[FreshnessRun], names: Sequence[str]) -> list[str]:
    if len(runs) < 2 or not names:
        return []
    ordered = runs[::-1]
    x = [days_since_epoch(run.until) for run in ordered]
    by_run = [{view.view: view for view in run.views if view.observations} for run in ordered]
    left = [
        Series(n, x, [100 * one[n].budget_remaining if n in one else None for one in by_run]) for n in names
    ]
    used = [Series(n, x, [_of_target(one.get(n)) for one in by_run]) for n in names]
    axis = Axis("hour (UTC)", x[0], x[-1], days=True)
    lowest = min(value for one in left for value in one.y if value is not None)
    longest = max((value for one in used for value in one.y if value is not None), default=100.0)
    plots = [
        Plot(
            "Error budget left",
            line_chart(axis, Axis("left (%)", min(0.0, lowest), 100), left),
            f"The {len(names)} views with the least; below 0 the objective is missed.",
        ),
        Plot(
            "p99 against the target",
            line_chart(axis, Axis("p99 (% of target)", 0, max(100.0, longest)), used),
            "At 100 % one observation in a hundred is just as late as the target allows.",
        ),
    ]
    return ["<h2>Over time</h2>", gallery(plots)]


def _of_target(view: ViewFreshness | None) -> float | None:
    return None if view is None or view.p99_seconds is None else 100 * view.p99_seconds / view.target_seconds


def _shown(seconds: float | None) -> Shown | None:
    return None if seconds is None else Shown(_seconds(seconds), seconds)


def _seconds(value: float | None) -> str:
    """In the unit that a person would say it in."""
    if value is None:
        return "not known"
    if value < 1:
        return f"{1000 * value:.0f} ms"
    if value < 120:
        return f"{value:.3g} s"
    return f"{value / 60:.3g} min" if value < 7_200 else f"{value / 3600:.3g} h"


def _hours(hours: float) -> str:
    return f"{60 * hours:.0f} min" if hours < 1 else f"{hours:g} h"
