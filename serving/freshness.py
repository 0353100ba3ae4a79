"""How fresh the rows are that were read lately: tells whether the stream worker still writes."""

import time
from collections.abc import Callable, Iterable

LATELY_SECONDS = 60.0
"""What was read between one and two of these ago counts."""
_MICROSECONDS = 1_000_000


class Freshness:
    """The newest event among the rows read lately.

    Args:
        stale_seconds: Age from which rows are stale.
        now: Unix seconds.
    """

    def __init__(self, stale_seconds: float, now: Callable[[], float] = time.time) -> None:
        self._stale_seconds = stale_seconds
        self._now = now
        self._turned = now()
        self._before = self._newest = 0

    def saw(self, timestamps_us: Iterable[int | None]) -> None:
        """Rows were read with these event timestamps; None is a row that is not there."""
        self._turn()
        self._newest = max(self._newest, max(filter(None, timestamps_us), default=0))

    @property
    def age_seconds(self) -> float | None:
        """From the newest event until now; None if nothing was read."""
        self._turn()
        newest = max(self._newest, self._before)
        return self._now() - newest / _MICROSECONDS if newest else None

    @property
    def trouble(self) -> str:
        """Why rows are stale; empty where they are not."""
        age = self.age_seconds
        if age is None or age <= self._stale_seconds:
            return ""
        return (
            f"the newest row that was read lately is {age:.0f} s old, more than {self._stale_seconds:g} s: "
            "see whether events come and `python -m ingestion.stream` runs"
        )

    def _turn(self) -> None:
        passed = self._now() - self._turned
        if passed < LATELY_SECONDS:
            return
        self._before, self._newest = (self._newest if passed < 2 * LATELY_SECONDS else 0), 0
        self._turned = self._now()
