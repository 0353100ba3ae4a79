"""How far two samples of a feature are apart, and whether chance alone would do that."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_UNSEEN = 0.5
"""Added to every bin, so that an empty one has a logarithm."""
_FEW = 5
"""A bin in which so few are expected is judged together with the others of that kind."""


@dataclass(frozen=True)
class Tested:
    """What a test says: 0 <= `statistic` <= 1 is how large the difference is, `p_value` how often chance makes such a one."""

    name: Literal["ks", "chi2"]
    statistic: float
    p_value: float


def population_stability(reference: Counts, current: Counts) -> float:
    """Population stability index of two samples over the same bins, less what two samples of one population have.

    That is, of B bins that anything is in, (B - 1) (1 / N + 1 / M) for N and M values. 0.1 is usually called a moderate
    shift, 0.25 a large one.

    Args:
        reference: Counts [B].
        current: Counts [B].

    Returns:
        At least 0; 0 where one of the samples is empty.
    """
    here = (reference + current) > 0
    if not reference.sum() or not current.sum():
        return 0.0
    p, q = _shares(reference[here]), _shares(current[here])
    index = float(((q - p) * np.log(q / p)).sum())
    by_chance = (np.count_nonzero(here) - 1) * (1 / reference.sum() + 1 / current.sum())
    return max(0.0, index - float(by_chance))


def kolmogorov_smirnov(reference: Floats, current: Floats) -> Tested:
    """Two-sample test of numbers, none of them NaN; its statistic is the largest distance of the distribution functions.

    Of values that occur often the p value is too large, never too small.
    """
    found = stats.ks_2samp(reference, current, method="asymp")
    return Tested("ks", float(found.statistic), float(found.pvalue))


def chi_square(reference: Counts, current: Counts) -> Tested:
    """Test of independence of two samples over the same categories; its statistic is Cramer's V.

    Categories of which fewer than five are expected in one of the samples are taken as one.

    Args:
        reference: Counts [B].
        current: Counts [B].
    """
    table = _without_few(np.stack([reference, current]))
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return Tested("chi2", 0.0, 1.0)
    found = stats.chi2_contingency(table, correction=False)
    return Tested("chi2", float(np.sqrt(found.statistic / table.sum())), float(found.pvalue))


def cohens_h(before: float, now: float) -> float:
    """How far two shares are apart: 0.2 is called small, 0.5 medium. From 0 it is 1 % to 0.2, 5 % to 0.45; from 40 % 50 % to 0.2."""
    return 2 * asin(sqrt(now)) - 2 * asin(sqrt(before))


def adjusted(p_values: Sequence[float]) -> list[float]:
    """P values of many tests, corrected so that of those below a level at most that share is there by chance.

    Benjamini and Hochberg, 1995, "Controlling the false discovery rate".
    """
    return [float(p) for p in stats.false_discovery_control(p_values)] if p_values else []


def _shares(counts: Counts) -> Floats:
    smoothed = counts + _UNSEEN
    shares: Floats = smoothed / smoothed.sum()
    return shares


def _without_few(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    expected = table.sum(axis=0) * (table.sum(axis=1, keepdims=True) / max(1, table.sum()))
    few = expected.min(axis=0) < _FEW
    together = np.concatenate([table[:, ~few], table[:, few].sum(axis=1, keepdims=True)], axis=1)
    return together[:, together.sum(axis=0) > 0]
