"""Candidates compete on folds: fitted on what was known, judged on what came after; the best on average is chosen."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from training.calibrated import raw_scores
from training.estimators import Maker
from training.fitting import Rows, fitted
from training.settings import TrainingSettings

Scores = npt.NDArray[np.float64]
Figures = Mapping[str, float]


@dataclass(frozen=True)
class FoldRows:
    """Rows to fit and rows to judge, of one fold."""

    fit: Rows
    assess: Rows


Judge = Callable[[int, Scores], Figures]
"""From the number of a fold and the scores [N] of its assessed rows to figures, of which more is better."""


@dataclass(frozen=True)
class Selection:
    """What came of a competition.

    Attributes:
        chosen: Name of the winner.
        figures: Per candidate its figures on each fold.
        raw: The winner's raw scores of each fold's assessed rows, by models that had not seen them.
        last: The winner as it was fitted on the last fold.
    """

    chosen: str
    figures: Mapping[str, Sequence[Figures]]
    raw: Sequence[Scores]
    last: Any


def compete(
    makers: Mapping[str, Maker],
    folds: Sequence[FoldRows],
    judge: Judge,
    by: Sequence[str],
    *,
    settings: TrainingSettings,
) -> Selection:
    """Fit every candidate on every fold and choose the one with the highest mean sum of the figures named ``by``."""
    models = {
        name: [fitted(make(settings), fold.fit, settings) for fold in folds] for name, make in makers.items()
    }
    raw = {
        name: [raw_scores(model, fold.assess.inputs) for model, fold in zip(of_folds, folds, strict=True)]
        for name, of_folds in models.items()
    }
    figures = {
        name: [judge(i, scores) for i, scores in enumerate(of_folds)] for name, of_folds in raw.items()
    }
    chosen = max(figures, key=lambda name: _total(figures[name], by))
    return Selection(chosen, figures, raw[chosen], models[chosen][-1])


def _total(figures: Sequence[Figures], by: Sequence[str]) -> float:
    return float(np.mean([sum(fold[name] for name in by) for fold in figures]))
