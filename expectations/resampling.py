"""How far a figure would move if other customers had come."""

from collections.abc import Callable
from contextlib import suppress

import numpy as np
import numpy.typing as npt
import polars as pl

_LEVEL = 0.95
Interval = dict[str, float]
"""``mean``, ``low`` and ``high``: the bounds of 95 %."""
Statistic = Callable[[npt.NDArray[np.float64]], dict[str, float]]


def over_customers(users: pl.Series, statistic: Statistic, *, draws: int, seed: int) -> dict[str, Interval]:
    """Figures with what they would be if other customers had come (bootstrap).

    Customers are drawn with all their rows, since rows of one customer resemble each other.

    Args:
        users: Customer of each row [N].
        statistic: From how often each row was drawn, float64 [N], to figures; ValueError where a draw has none.
        draws: How many times customers are drawn.
        seed: Of the draws.
    """
    codes = users.rank("dense").to_numpy() - 1
    rng, count = np.random.default_rng(seed), int(codes.max()) + 1
    found: list[dict[str, float]] = []
    for _ in range(draws):
        often = np.bincount(rng.integers(0, count, count), minlength=count)[codes]
        with suppress(ValueError):
            found.append(statistic(often.astype(np.float64)))
    return {name: _quantiles(np.array([one[name] for one in found])) for name in found[0]} if found else {}


def _quantiles(values: npt.NDArray[np.float64]) -> Interval:
    low, high = np.quantile(values, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}
