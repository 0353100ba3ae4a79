"""Messages are let go when they are due, by a clock that the test moves."""

import numpy as np
import pytest

from ingestion.events.pace import due_slices


class Clock:
    """Stands still but for what is waited."""

    def __init__(self) -> None:
        self.now_us = 1_000_000
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_us += round(seconds * 1e6)


def sent(due: list[int], clock: Clock) -> list[tuple[int, int, int]]:
    slices = due_slices(np.array(due, dtype=np.int64), lambda: clock.now_us, clock.wait)
    return [(clock.now_us, here.start, here.stop) for here in slices]


def test_what_is_due_goes_at_once_and_the_rest_when_its_time_comes() -> None:
    """One slice for the past, then one at each later time."""
    assert sent([5, 1_000_000, 1_100_000, 1_100_000, 1_150_000], Clock()) == [
        (1_000_000, 0, 2),
        (1_100_000, 2, 4),
        (1_150_000, 4, 5),
    ]


def test_a_long_wait_is_taken_in_short_ones() -> None:
    """So that deliveries are noticed meanwhile."""
    clock = Clock()
    assert sent([2_000_000], clock) == [(2_000_000, 0, 1)]
    assert max(clock.waits) <= 0.25


def test_a_long_backlog_goes_in_parts() -> None:
    """Between them the producer is served."""
    assert [(a, b) for _, a, b in sent([0] * 25_000, Clock())] == [
        (0, 10_000),
        (10_000, 20_000),
        (20_000, 25_000),
    ]


@pytest.mark.parametrize("due", [[], [7]])
def test_everything_is_let_go_once(due: list[int]) -> None:
    """Also nothing at all."""
    assert sum(stop - start for _, start, stop in sent(due, Clock())) == len(due)
