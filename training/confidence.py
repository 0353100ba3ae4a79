"""How far a figure would move: over folds, and over other customers of the same days."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.stats import t as student

from training.metrics import Floats, Labels, ranking_figures

_LEVEL = 0.95
Interval = dict[str, float]
"""``mean``, ``low`` and ``high``: the bounds of 95 %."""


def over_folds(figures: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    """Mean of each figure over the folds with Student's interval; one fold has no bounds but itself."""
    return {name: _student([fold[name] for fold in figures]) for name in figures[0]}


def over_customers(
    labels: Labels, scores: Mapping[str, Floats], users: pl.Series, *, draws: int, seed: int
) -> dict[str, Interval]:
    """Average precision of each score, and of each less the first, where other customers had come (bootstrap).

    Customers are drawn with all their rows, since rows of one customer resemble each other; all scores see the same draws.

    Args:
        labels: 0 or 1 [N].
        scores: Name to scores [N]; the first is the one that the others are held against.
        users: Customer of each row [N].
        draws: How many times customers are drawn.
        seed: Of the draws.

    Returns:
        An interval for each name, and for ``"<name> - <first>"``.
    """
    codes = users.rank("dense").to_numpy() - 1
    rng, count = np.random.default_rng(seed), int(codes.max()) + 1
    found: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(draws):
        weights = np.bincount(rng.integers(0, count, count), minlength=count)[codes]
        drawn = weights > 0
        if len(np.unique(labels[drawn])) < 2:
            continue
        for name, values in scores.items():
            figures = ranking_figures(labels[drawn], values[drawn], weights[drawn].astype(np.float64))
            found[name].append(figures["average_precision"])
    first, *others = scores
    samples = {name: np.array(values) for name, values in found.items()}
    differences = {f"{name} - {first}": samples[name] - samples[first] for name in others}
    return {name: _quantiles(values) for name, values in (samples | differences).items()}


def _student(values: Sequence[float]) -> Interval:
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "low": mean, "high": mean}
    half = student.ppf((1 + _LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return {"mean": mean, "low": float(mean - half), "high": float(mean + half)}


def _quantiles(values: npt.NDArray[np.float64]) -> Interval:
    low, high = np.quantile(values, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return {"mean": float(values.mean()), "low": float(low), "high": float(high)}
