"""The algebra of a window: mergeable partial aggregates of one column.

A partial is a float64 row of `WIDTH` numbers ``[count, sum, sum', squares, squares', min, max]`` (the primed
ones are the low halves of double-doubles). `zero` is the empty window; `add` takes a value in and `remove` takes
it out (count, sum and squares only); `result` is the value of a function. `last` and `count_distinct` need the newest
event and the newest event per value, not a partial. The incremental executor keeps only those components that its
features need: see `layout` and `totals`.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.windows import exact

WIDTH = 7
COUNT, SUM, MEAN, STD, MIN, MAX = range(6)
CODES = {"count": COUNT, "sum": SUM, "mean": MEAN, "std": STD, "min": MIN, "max": MAX}
Partial = NDArray[np.float64]

# Sums of squares are known to about 1e-31 of their size; what is left below this share of them is rounding.
_NOISE = 1e-28


@njit(cache=True)
def zero(partial: Partial) -> None:
    """Make `partial` the empty window."""
    partial[:5] = 0.0
    partial[5] = math.inf
    partial[6] = -math.inf


@njit(cache=True)
def add(partial: Partial, x: float) -> None:
    """Take a value in."""
    _accumulate(partial, x, 1.0)
    partial[5] = min(partial[5], x)
    partial[6] = max(partial[6], x)


@njit(cache=True)
def remove(partial: Partial, x: float) -> None:
    """Take a value out of count, sum and squares; minimum and maximum are not touched."""
    _accumulate(partial, x, -1.0)
    if partial[0] == 0.0:
        zero(partial)


@njit(cache=True)
def _accumulate(partial: Partial, x: float, sign: float) -> None:
    partial[0] += sign
    partial[1], partial[2] = exact.add(partial[1], partial[2], sign * x, 0.0)
    square, error = exact.two_product(x, x)
    partial[3], partial[4] = exact.add(partial[3], partial[4], sign * square, sign * error)


@njit(cache=True)
def result(partial: Partial, function: int) -> float:  # noqa: PLR0911  # one line per function
    """Value of a function (one of `CODES`); NaN stands for null."""
    n = partial[0]
    if function == COUNT:
        return n
    if function == SUM:
        return partial[1] + partial[2]
    if n == 0.0:
        return math.nan
    if function == MEAN:
        return (partial[1] + partial[2]) / n
    if function == MIN:
        return partial[5]
    if function == MAX:
        return partial[6]
    return deviation(n, partial[1], partial[2], partial[3], partial[4])


@njit(cache=True, nogil=True)
def deviation(n: float, total: float, total_low: float, squares: float, squares_low: float) -> float:
    """Standard deviation (ddof 1) from count, sum and sum of squares; NaN stands for null."""
    if n < 2.0:
        return math.nan
    high, low = exact.square_over(total, total_low, n)
    spread_high, spread_low = exact.add(squares, squares_low, -high, -low)
    spread = spread_high + spread_low
    if spread <= _NOISE * squares:
        return 0.0
    return math.sqrt(spread / (n - 1.0))
