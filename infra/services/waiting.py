"""Waiting for a condition, with a deadline."""

import time
from collections.abc import Callable
from datetime import timedelta

POLL = timedelta(milliseconds=25)


def wait_until(condition: Callable[[], bool], timeout: timedelta, *, poll: timedelta = POLL) -> bool:
    """Ask `condition` every `poll` until it holds; False when it does not within `timeout`."""
    deadline = time.monotonic() + timeout.total_seconds()
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(poll.total_seconds())
    return True
