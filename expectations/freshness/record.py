"""The record of a measurement of freshness, kept below ``<data_dir>/reports/freshness/``."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from expectations import records

Source = Literal["stream", "log"]
"""``stream``: the stream worker's metrics, event to readable; ``log``: what was served against the archive."""


@dataclass(frozen=True)
class Burn:
    """How fast the error budget is spent over a window that ends now.

    Attributes:
        hours: Length of the window.
        rate: 1 spends the whole budget in the time it is meant for; 0 spends nothing.
        observations: What it is told from.
    """

    hours: float
    rate: float
    observations: int


@dataclass(frozen=True)
class ViewFreshness:
    """A feature view against its target.

    Attributes:
        view: Its name.
        source: Where the figures come from.
        target_seconds: Freshness that is promised.
        objective: Share of observations that must keep it, such as 0.99.
        observations: Events that became readable (``stream``), or values that were served (``log``).
        missed: Of them those beyond the target.
        p50_seconds: Median; None without observations.
        p99_seconds: 99th percentile.
        budget_remaining: Share of the error budget that is left over the whole interval; negative: overspent.
        burns: Over shorter windows, the shortest first.
    """

    view: str
    source: Source
    target_seconds: float
    objective: float
    observations: int
    missed: int
    p50_seconds: float | None
    p99_seconds: float | None
    budget_remaining: float
    burns: tuple[Burn, ...]

    @property
    def held(self) -> bool:
        """Whether the objective was kept."""
        return self.budget_remaining >= 0


@dataclass(frozen=True)
class FreshnessRun:
    """One measurement.

    Attributes:
        measured: When (UTC).
        since: Begin of what it is about.
        until: End of it.
        views: In the order of the registry.
    """

    measured: datetime
    since: datetime
    until: datetime
    views: tuple[ViewFreshness, ...]


def keep(run: FreshnessRun, reports: Path) -> Path:
    """Write the record below the reports' folder; its file."""
    return records.keep(run, reports / "freshness", run.measured)


def kept(reports: Path, most: int | None = None) -> list[FreshnessRun]:
    """Records below the reports' folder, the newest first, at most so many."""
    return records.kept(FreshnessRun, reports / "freshness", most)
