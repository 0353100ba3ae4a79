"""Keeps to a timetable: which messages are due, and how long nothing is."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

_LONGEST_WAIT_SECONDS: Final = 0.25
_SHORTEST_WAIT_SECONDS: Final = 0.01
"""Messages that are due within it go together: to wake up for each one costs more than to send it."""
_MOST_AT_ONCE: Final = 10_000


def due_slices(
    due_us: npt.NDArray[np.int64], now_us: Callable[[], int], wait: Callable[[float], None]
) -> Iterator[slice]:
    """Slices of a timetable as they become due, one after the other and all of it.

    Args:
        due_us: When each message is due, ascending, by the clock of `now_us`.
        now_us: Reads the clock, in microseconds.
        wait: Lets seconds pass; called with 10 ms to a quarter of a second at a time, and with 0 between
            slices.
    """
    done = 0
    while done < len(due_us):
        now = now_us()
        end = min(int(np.searchsorted(due_us, now, side="right")), done + _MOST_AT_ONCE)
        if end > done:
            yield slice(done, end)
            wait(0)
            done = end
        else:
            until_due = (int(due_us[done]) - now) / 1e6
            wait(min(max(until_due, _SHORTEST_WAIT_SECONDS), _LONGEST_WAIT_SECONDS))
