"""How far a figure would move over folds; over other customers of the same days, see `expectations.resampling`."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t as student

from expectations.resampling import Interval

_LEVEL = 0.95


def over_folds(figures: Sequence[Mapping[str, float]]) -> dict[str, Interval]:
    """Mean of each figure, a share, over the folds with Student's interval; one fold has no bounds but itself."""
    return {name: _student([fold[name] for fold in figures]) for name in figures[0]}


def _student(values: Sequence[float]) -> Interval:
    mean = float(np.mean(values))
    if len(values) < 2:
        return {"mean": mean, "low": mean, "high": mean}
    half = student.ppf((1 + _LEVEL) / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return {"mean": mean, "low": max(0.0, float(mean - half)), "high": min(1.0, float(mean + half))}
