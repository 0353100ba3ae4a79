"""Random draws over whole arrays, and the seeds they come from."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
"""Durations are microseconds."""

WORLD, DAYS, CAMPAIGNS, LIVE = range(4)
"""What a generator is for: two purposes never share random numbers."""


def generator(seed: int, purpose: int, number: int = 0) -> np.random.Generator:
    """Random numbers of one purpose and one period, independent of all others."""
    return np.random.default_rng([seed, purpose, number])


def micros(instant: datetime) -> int:
    """Microseconds since the Unix epoch of an aware datetime."""
    return round(instant.timestamp() * 1e6)


def pick(rng: np.random.Generator, weights: Floats | Sequence[float], size: int) -> Ints:
    """Indices drawn with probability in proportion to `weights` [n]; shape [size]."""
    bounds = np.cumsum(weights)
    return np.searchsorted(bounds, rng.random(size) * bounds[-1], side="right").clip(max=len(bounds) - 1)


def about(rng: np.random.Generator, expected: float) -> int:
    """A whole number that is `expected` on average and differs from it by less than one."""
    return int(expected + rng.random())


def log_uniform(rng: np.random.Generator, low: float, high: float, size: int) -> Ints:
    """Whole numbers between the bounds, as many of each order of magnitude."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size)).astype(np.int64)
