"""An objective held against observations: error budget and burn rates. Pure.

Observations are a frame with ``view``, ``at`` (when), ``low`` and ``high`` (seconds: bounds of what was observed, equal where it
is known exactly) and ``count``. What is known in steps is beyond a target when its lower bound is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import polars as pl

from expectations.freshness.record import Burn, Source, ViewFreshness

SCHEMA: Final = {
    "view": pl.String(),
    "at": pl.Datetime("us", "UTC"),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "count": pl.Int64(),
}
WINDOWS: Final = (timedelta(hours=1), timedelta(hours=6), timedelta(days=3))
"""Over which the burn rate is told: the last one shows a slow loss, the first one that it still goes on."""


@dataclass(frozen=True)
class Target:
    """What is promised of a view.

    Attributes:
        view: Its name.
        seconds: Freshness.
        objective: Share of observations that must keep it.
    """

    view: str
    seconds: float
    objective: float


def held_against(
    target: Target,
    observations: pl.DataFrame,
    source: Source,
    now: datetime,
    windows: Sequence[timedelta] = WINDOWS,
) -> ViewFreshness:
    """A view's figures over all of its observations, and its burn rates up to now.

    Args:
        target: What is promised.
        observations: Of any views.
        source: Where they come from.
        now: End of the windows, aware.
        windows: Over which burn rates are told.
    """
    own = observations.filter(pl.col("view") == target.view)
    total, missed = _counts(own, target)
    return ViewFreshness(
        view=target.view,
        source=source,
        target_seconds=target.seconds,
        objective=target.objective,
        observations=total,
        missed=missed,
        p50_seconds=quantile(own, 0.5),
        p99_seconds=quantile(own, 0.99),
        budget_remaining=1 - _burn(total, missed, target),
        burns=tuple(_over(own.filter(pl.col("at") > now - window), target, window) for window in windows),
    )


def quantile(observations: pl.DataFrame, share: float) -> float | None:
    """Linear between the bounds of the step that it falls in; None without observations."""
    steps = observations.group_by("low", "high").agg(pl.col("count").sum()).sort("high", "low")
    rank, seen = share * int(steps["count"].sum()), 0
    for low, high, count in steps.iter_rows():
        if count and seen + count >= rank:
            return float(low + (high - low) * (rank - seen) / count)
        seen += count
    return None


def _over(observations: pl.DataFrame, target: Target, window: timedelta) -> Burn:
    total, missed = _counts(observations, target)
    return Burn(window / timedelta(hours=1), _burn(total, missed, target), total)


def _counts(observations: pl.DataFrame, target: Target) -> tuple[int, int]:
    beyond = observations.filter(pl.col("low") > target.seconds)
    return int(observations["count"].sum()), int(beyond["count"].sum())


def _burn(total: int, missed: int, target: Target) -> float:
    """Share of misses in units of the share that is allowed."""
    return missed / total / (1 - target.objective) if total else 0.0
