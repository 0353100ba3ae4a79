"""When each task is due. Pure: it is told the time, in seconds of any clock."""

from collections.abc import Mapping


class Schedule:
    """Each task at its own interval, counted from when it began; at first all of them are due.

    Args:
        every_seconds: Interval by task.
        now: The present.
    """

    def __init__(self, every_seconds: Mapping[str, float], now: float) -> None:
        self._every = every_seconds
        self._due = dict.fromkeys(every_seconds, now)

    def next(self) -> tuple[str, float]:
        """The task that is due first, of several the one that is named first, and when that is; there must be a task."""
        task = min(self._due, key=self._due.__getitem__)
        return task, self._due[task]

    def began(self, task: str, now: float) -> None:
        """A task was begun; intervals that passed while others were done are left out."""
        self._due[task] = now + self._every[task]
