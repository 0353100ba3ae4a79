"""Puts rows in order of group and time, compiled: a counting sort of the groups, then a merge of the runs in each.

Rows of an archive come in runs that are sorted already, one per file. A group whose rows are in order costs one look at
each of them; otherwise its runs are merged pairwise. Hot path; the loops hold no lock, so threads share the groups.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]

SHORTEST_RUN: Final = 12
_WORTH_A_THREAD: Final = 50_000


@njit(cache=True, nogil=True)
def by_group(groups: Ints, count: int) -> tuple[Ints, Ints]:
    """Numbers of the rows ordered by group, then as they stand, and the bounds (count + 1,) of each group.

    Rows whose group is negative are left out.
    """
    bounds = np.zeros(count + 1, dtype=np.int64)
    for group in groups:
        if group >= 0:
            bounds[group + 1] += 1
    for group in range(count):
        bounds[group + 1] += bounds[group]
    free = bounds[:-1].copy()
    order = np.empty(bounds[-1], dtype=np.int64)
    for row in range(len(groups)):
        if groups[row] >= 0:
            order[free[groups[row]]] = row
            free[groups[row]] += 1
    return order, bounds


@njit(cache=True, nogil=True)
def sort_groups(
    first: int, last: int, bounds: Ints, order: Ints, sorted_a: Ints, a: Ints, b: Ints, c: Ints, d: Ints
) -> None:
    """Sort the rows of the groups ``first`` to ``last`` (excluded) by the columns `a`, `b`, `c`, `d`, in place.

    Rows that are equal in all of them stay as they stand. `order` (rows,) holds row numbers of the columns;
    `sorted_a` (rows,) receives `a` in that order. A group is sorted in buffers of its own, which fit in a cache.
    """
    longest = 0
    for group in range(first, last):
        longest = max(longest, bounds[group + 1] - bounds[group])
    rows, values = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
    places, buffer = np.empty(longest, dtype=np.int64), np.empty(longest, dtype=np.int64)
    edges = np.empty(longest + 1, dtype=np.int64)
    for group in range(first, last):
        start, size = bounds[group], bounds[group + 1] - bounds[group]
        for i in range(size):
            rows[i] = order[start + i]
            values[i] = a[rows[i]]
            places[i] = i
        runs = _make_runs(places, size, edges, rows, values, b, c, d)
        sort = runs != 0
        while runs > 1:
            runs = _merge_pairs(places, edges, runs, buffer, rows, values, b, c, d)
        for i in range(size):
            if sort:
                order[start + i] = rows[places[i]]
            sorted_a[start + i] = values[places[i]]


@njit(cache=True, nogil=True)
def _make_runs(
    places: Ints, size: int, edges: Ints, rows: Ints, values: Ints, b: Ints, c: Ints, d: Ints
) -> int:
    """Bounds of ascending runs, into `edges`; returns how many there are, 0 when all is in order.

    A run that is shorter than `SHORTEST_RUN` is made longer by insertion.
    """
    edges[0] = 0
    runs, start = 0, 0
    while start < size:
        stop = start + 1
        while stop < size and not _before(stop, stop - 1, rows, values, b, c, d):
            stop += 1
        if start == 0 and stop == size:
            return 0
        while stop < size and stop - start < SHORTEST_RUN:
            _insert(places, start, stop, rows, values, b, c, d)
            stop += 1
        runs += 1
        edges[runs] = stop
        start = stop
    return runs


@njit(cache=True, nogil=True)
def _insert(places: Ints, start: int, last: int, rows: Ints, values: Ints, b: Ints, c: Ints, d: Ints) -> None:
    """Put the last place of a run where it belongs, behind its equals."""
    i = last
    while i > start and _before(last, places[i - 1], rows, values, b, c, d):
        places[i] = places[i - 1]
        i -= 1
    places[i] = last


@njit(cache=True, nogil=True)
def _merge_pairs(
    places: Ints,
    edges: Ints,
    runs: int,
    buffer: Ints,
    rows: Ints,
    values: Ints,
    b: Ints,
    c: Ints,
    d: Ints,
) -> int:
    """Merge each run of even number with the next one; returns how many are left."""
    stop = edges[runs]
    left = 0
    for run in range(0, runs, 2):
        start = edges[run]
        if run + 1 < runs:
            _merge(places, start, edges[run + 1], edges[run + 2], buffer, rows, values, b, c, d)
        edges[left] = start
        left += 1
    edges[left] = stop
    return left


@njit(cache=True, nogil=True)
def _merge(
    places: Ints,
    start: int,
    middle: int,
    stop: int,
    buffer: Ints,
    rows: Ints,
    values: Ints,
    b: Ints,
    c: Ints,
    d: Ints,
) -> None:
    size = middle - start
    for i in range(size):
        buffer[i] = places[start + i]
    i, j, free = 0, middle, start
    while i < size:
        if j < stop and _before(places[j], buffer[i], rows, values, b, c, d):
            places[free] = places[j]
            j += 1
        else:
            places[free] = buffer[i]
            i += 1
        free += 1


@njit(cache=True, nogil=True, inline="always")
def _before(x: int, y: int, rows: Ints, values: Ints, b: Ints, c: Ints, d: Ints) -> bool:
    if values[x] != values[y]:
        return bool(values[x] < values[y])
    x, y = rows[x], rows[y]
    if b[x] != b[y]:
        return bool(b[x] < b[y])
    if c[x] != c[y]:
        return bool(c[x] < c[y])
    return bool(d[x] < d[y])


def in_order(groups: Ints, count: int, *columns: Ints) -> tuple[Ints, Ints, Ints]:
    """Rows ordered by group and up to four columns; equal rows stay as they stand.

    Args:
        groups: Group of each row, below `count`; rows whose group is negative are left out.
        count: Number of groups.
        columns: By which the rows of a group are ordered, most important first; shape (rows,) each.

    Returns:
        Row numbers, the first column in that order, and the bounds (count + 1,) of each group.
    """
    order, bounds = by_group(groups, count)
    return order, _sort(order, bounds, columns), bounds


def sorted_groups(order: Ints, bounds: Ints, column: Ints) -> Ints:
    """Row numbers of each group ordered by one more column; equal rows stay in the order given."""
    result = order.copy()
    _sort(result, bounds, (column,))
    return result


def _sort(order: Ints, bounds: Ints, columns: tuple[Ints, ...]) -> Ints:
    values = np.empty(len(order), dtype=np.int64)
    filled = (*columns, *[columns[-1]] * (4 - len(columns)))
    share_groups(sort_groups, bounds, bounds, order, values, *filled)
    return values


def share_groups(work: Callable[..., None], sizes: Ints, *arguments: Any) -> None:
    """Call ``work(first, last, *arguments)`` for ranges of groups that cover all of them, one per core.

    Args:
        work: A compiled function that holds no lock and writes only what belongs to its groups.
        sizes: Bounds of the groups, (groups + 1,): the ranges get equal shares of the rows.
        arguments: Passed on.
    """
    groups, rows = len(sizes) - 1, int(sizes[-1])
    cuts = np.searchsorted(sizes, np.arange(1, _shares(rows)) * (rows / _shares(rows))).tolist()
    _in_threads(work, [0, *cuts, groups], arguments)


def share_rows(work: Callable[..., None], rows: int, *arguments: Any) -> None:
    """Call ``work(first, last, *arguments)`` for equal ranges of rows that cover all of them, one per core."""
    shares = _shares(rows)
    _in_threads(work, [rows * i // shares for i in range(shares + 1)], arguments)


def _shares(rows: int) -> int:
    return max(1, min(_cores(), rows // _WORTH_A_THREAD))


def _in_threads(work: Callable[..., None], edges: list[int], arguments: tuple[Any, ...]) -> None:
    if len(edges) == 2:
        work(*edges, *arguments)
        return
    with ThreadPoolExecutor(len(edges) - 1) as pool:
        for done in [pool.submit(work, a, b, *arguments) for a, b in pairwise(edges)]:
            done.result()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
