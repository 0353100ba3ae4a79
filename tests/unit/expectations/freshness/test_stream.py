"""The stream worker's histogram, read again and again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from expectations.freshness.stream import METRIC, Sample, keep, kept, observations, parsed
from ingestion.stream.freshness import ArrayHistogram

NOW = datetime(2026, 4, 24, 23, 59, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def told(*seconds: float) -> str:
    """What a worker tells that has observed these."""
    histogram, registry = ArrayHistogram(METRIC, "Age.", "view"), CollectorRegistry()
    registry.register(histogram)
    histogram.observe(np.array(seconds), "user_orders")
    return generate_latest(registry).decode()


def sample(minutes: int, *seconds: float, worker: str = "a:1") -> Sample:
    return Sample(NOW + minutes * MINUTE, worker, parsed(told(*seconds)))


def test_what_came_between_two_samples_counts_at_the_second() -> None:
    """Each observation once, with the bounds of its step around it."""
    found = observations([sample(0, 0.05), sample(1, 0.05, 0.05, 2.0)])
    assert found.select("at", "count").rows() == [(NOW, 1), (NOW + MINUTE, 1), (NOW + MINUTE, 1)]
    low, high = found.row(2)[2:4]
    assert low < 2.0 <= high < 2.6


def test_a_worker_that_started_anew_has_counted_from_nothing() -> None:
    """Three before, one after: four."""
    assert observations([sample(0, 1, 1, 1), sample(1, 1)])["count"].sum() == 4


def test_workers_are_told_apart() -> None:
    """Each has counts of its own."""
    found = observations([sample(0, 1, 1), sample(0, 1, worker="b:1"), sample(1, 1, 1, 1)])
    assert found["count"].sum() == 4


def test_samples_of_an_interval_are_read_over_midnight(tmp_path: Path) -> None:
    """A file for each day, in order."""
    made = [sample(minutes, 0.1) for minutes in (-5, 0, 2, 9)]
    for one in made:
        keep(one, tmp_path)
    assert kept(tmp_path, NOW, NOW + 5 * MINUTE) == made[1:3]
