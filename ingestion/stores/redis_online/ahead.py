"""Preparing the next thing while the last one is used."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Prepared = TypeVar("Prepared")


def ahead(prepare: Callable[[Item], Prepared], items: Sequence[Item]) -> Iterator[Prepared]:
    """``prepare`` of each item in order; that of the next one runs in a thread while the caller uses the last one.

    What ``prepare`` raises is raised where its result would have come. A single item is prepared without a thread.
    """
    if len(items) < 2:
        yield from map(prepare, items)
        return
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(prepare, items[0])
        for item in items[1:]:
            ready = coming.result()
            coming = thread.submit(prepare, item)
            yield ready
        yield coming.result()
