"""What time it is for the windows: the wall's when live, the events' own when old files are replayed."""

from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """The instant up to which windows have lost their tiles; it never goes back."""

    def observe(self, newest_event_us: int) -> None:
        """Tell the newest event time of a batch, microseconds since the Unix epoch."""

    def now_us(self) -> int | None:
        """Microseconds since the Unix epoch; None while it cannot be known."""


class WallClock:
    """Live: windows move on while topics are idle.

    Args:
        now_us: The machine's clock in microseconds since the Unix epoch.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._latest_us = 0

    def observe(self, newest_event_us: int) -> None:
        """Events do not move the wall clock."""

    def now_us(self) -> int:
        """The latest reading; a clock that is set back stands still."""
        self._latest_us = max(self._latest_us, self._now_us())
        return self._latest_us


class EventClock:
    """Replay: the newest event time seen over all topics. Before the first event it is unknown.

    Events behind it still count as long as a window covers them, so nothing waits for lateness here. A topic that is
    read far ahead of another moves the windows of both.
    """

    def __init__(self) -> None:
        self._latest_us: int | None = None

    def observe(self, newest_event_us: int) -> None:
        """Move on to the newest event."""
        self._latest_us = (
            newest_event_us if self._latest_us is None else max(self._latest_us, newest_event_us)
        )

    def now_us(self) -> int | None:
        """Newest event time observed."""
        return self._latest_us
