import pytest

from serving.freshness import LATELY_SECONDS, Freshness

NOW = 1_790_000_000.0


class Clock:
    def __init__(self) -> None:
        self.seconds = NOW

    def __call__(self) -> float:
        return self.seconds


def test_the_newest_row_read_lately_tells_the_age() -> None:
    """An older one beside it does not matter, nor does one that is not there."""
    freshness = Freshness(60, Clock())
    freshness.saw([None, int((NOW - 500) * 1e6), int((NOW - 20) * 1e6)])
    assert freshness.age_seconds == pytest.approx(20)
    assert freshness.trouble == ""


def test_stale_rows_are_told_with_their_age_and_the_limit() -> None:
    """And where to look."""
    freshness = Freshness(60, Clock())
    freshness.saw([int((NOW - 412) * 1e6)])
    assert "412 s old, more than 60 s" in freshness.trouble
    assert "ingestion.stream" in freshness.trouble


def test_rows_read_long_ago_say_nothing() -> None:
    """Without requests nothing is known, and that is no trouble.

    saw ──1 minute──► still counts ──1 minute──► forgotten
    """
    clock = Clock()
    freshness = Freshness(60, clock)
    freshness.saw([int(NOW * 1e6)])
    clock.seconds += LATELY_SECONDS
    assert freshness.age_seconds == pytest.approx(LATELY_SECONDS)
    clock.seconds += LATELY_SECONDS
    assert freshness.age_seconds is None
    assert freshness.trouble == ""


def test_a_silence_of_minutes_forgets_at_once() -> None:
    """The first look behind it does not find the old rows."""
    clock = Clock()
    freshness = Freshness(60, clock)
    freshness.saw([int(NOW * 1e6)])
    clock.seconds += 10 * LATELY_SECONDS
    assert freshness.age_seconds is None
