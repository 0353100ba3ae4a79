"""Keeps Spark's Python workers quick between small tasks."""

import gc
from collections import Counter

_tasks = Counter[str]()


def settle(kind: str) -> None:
    """Let the garbage collector pass over what tasks of a kind have brought into this process, such as imports.

    A worker collects garbage behind every task; to look at all that numba, pandas and Feast are made of takes it a quarter of a
    second, several times as long as a small task itself. It is done before the first task of a kind, the second, the fourth,
    the eighth and so on, since some of it comes with what they compute first: what becomes garbage later, in cycles, stays.

    Args:
        kind: Of the task that begins.
    """
    _tasks[kind] += 1
    if _tasks[kind].bit_count() == 1:
        gc.freeze()
