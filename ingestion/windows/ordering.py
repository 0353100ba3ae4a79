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

_WORTH_A_THREAD: Final = 50_000


@njit(cache=True, nogil=True)
def by_group(groups: Ints, count: int) -> tuple[Ints, Ints]:
    """Numbers of the rows (rows,) ordered by group, then as they stand, and the bounds (count + 1,) of each group."""
    bounds = np.zeros(count + 1, dtype=np.int64)
    for group in groups:
        bounds[group + 1] += 1
    for group in range(count):
        bounds[group + 1] += bounds[group]
    free = bounds[:-1].copy()
    order = np.empty(len(groups), dtype=np.int64)
    for row in range(len(groups)):
        order[free[groups[row]]] = row
        free[groups[row]] += 1
    return order, bounds


@njit(cache=True, nogil=True)
def sort_groups(first: int, last: int, bounds: Ints, order: Ints, a: Ints, b: Ints, c: Ints, d: Ints) -> None:
    """Sort the rows of the groups ``first`` to ``last`` (excluded) by the columns `a`, `b`, `c`, `d`, in place.

    Rows that are equal in all of them stay as they stand. `order` (rows,) holds row numbers of the columns.
    """
    longest = 0
    for group in range(first, last):
        longest = max(longest, bounds[group + 1] - bounds[group])
    buffer = np.empty(longest, dtype=np.int64)
    edges = np.empty(longest + 1, dtype=np.int64)
    for group in range(first, last):
        runs = _find_runs(order, bounds[group], bounds[group + 1], edges, a, b, c, d)
        while runs > 1:
            runs = _merge_pairs(order, edges, runs, buffer, a, b, c, d)


@njit(cache=True, nogil=True)
def _find_runs(order: Ints, start: int, stop: int, edges: Ints, a: Ints, b: Ints, c: Ints, d: Ints) -> int:
    """Bounds of the ascending runs, into `edges`; returns how many there are."""
    edges[0] = start
    runs = 0
    for i in range(start + 1, stop):
        if _before(order[i], order[i - 1], a, b, c, d):
            runs += 1
            edges[runs] = i
    runs += 1
    edges[runs] = stop
    return runs


@njit(cache=True, nogil=True)
def _merge_pairs(
    order: Ints, edges: Ints, runs: int, buffer: Ints, a: Ints, b: Ints, c: Ints, d: Ints
) -> int:
    """Merge each run of even number with the next one; returns how many are left."""
    stop = edges[runs]
    left = 0
    for run in range(0, runs, 2):
        start = edges[run]
        if run + 1 < runs:
            _merge(order, start, edges[run + 1], edges[run + 2], buffer, a, b, c, d)
        edges[left] = start
        left += 1
    edges[left] = stop
    return left


@njit(cache=True, nogil=True)
def _merge(
    order: Ints, start: int, middle: int, stop: int, buffer: Ints, a: Ints, b: Ints, c: Ints, d: Ints
) -> None:
    size = middle - start
    buffer[:size] = order[start:middle]
    i, j, free = 0, middle, start
    while i < size:
        if j < stop and _before(order[j], buffer[i], a, b, c, d):
            order[free] = order[j]
            j += 1
        else:
            order[free] = buffer[i]
            i += 1
        free += 1


@njit(cache=True, nogil=True, inline="always")
def _before(x: int, y: int, a: Ints, b: Ints, c: Ints, d: Ints) -> bool:
    if a[x] != a[y]:
        return bool(a[x] < a[y])
    if b[x] != b[y]:
        return bool(b[x] < b[y])
    if c[x] != c[y]:
        return bool(c[x] < c[y])
    return bool(d[x] < d[y])


def in_order(groups: Ints, count: int, *columns: Ints) -> tuple[Ints, Ints]:
    """Row numbers ordered by group and up to four columns, and the bounds of each group; equal rows stay as they stand.

    Args:
        groups: Group of each row, in ``[0, count)``.
        count: Number of groups.
        columns: By which the rows of a group are ordered, most important first; shape (rows,) each.
    """
    order, bounds = by_group(groups, count)
    share_groups(sort_groups, bounds, bounds, order, *_four(columns))
    return order, bounds


def sorted_groups(order: Ints, bounds: Ints, column: Ints) -> Ints:
    """Row numbers of each group ordered by one more column; equal rows stay in the order given."""
    result = order.copy()
    share_groups(sort_groups, bounds, bounds, result, *_four((column,)))
    return result


def share_groups(work: Callable[..., None], sizes: Ints, *arguments: Any) -> None:
    """Call ``work(first, last, *arguments)`` for ranges of groups that cover all of them, one per core.

    Args:
        work: A compiled function that holds no lock and writes only what belongs to its groups.
        sizes: Bounds of the groups, (groups + 1,): the ranges get equal shares of the rows.
        arguments: Passed on.
    """
    groups, rows = len(sizes) - 1, int(sizes[-1])
    shares = max(1, min(_cores(), rows // _WORTH_A_THREAD))
    cuts = np.searchsorted(sizes, np.arange(1, shares) * (rows / shares)).tolist()
    edges = [0, *cuts, groups]
    if shares == 1:
        work(0, groups, *arguments)
        return
    with ThreadPoolExecutor(shares) as pool:
        for done in [pool.submit(work, a, b, *arguments) for a, b in pairwise(edges)]:
            done.result()


def _four(columns: tuple[Ints, ...]) -> tuple[Ints, ...]:
    return (*columns, *[columns[-1]] * (4 - len(columns)))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
