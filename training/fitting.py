"""Fits the estimators that compete and keeps the one that ranks the validation rows best."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from threadpoolctl import threadpool_limits

from training.calibrated import CalibratedModel, Matrix, calibrate, raw_scores
from training.estimators import Maker
from training.metrics import ranking_figures
from training.settings import TrainingSettings


@dataclass(frozen=True)
class Rows:
    """Inputs float32 [N, F], labels 0 or 1 [N] and weights float64 [N]: how many rows each one stands for."""

    inputs: Matrix
    labels: npt.NDArray[np.integer[Any]]
    weights: npt.NDArray[np.float64]

    @classmethod
    def of(cls, inputs: Matrix, labels: pl.Series, weights: pl.Series | None = None) -> Self:
        """Rows from columns; without weights each stands for itself."""
        ones = np.ones(len(inputs))
        return cls(inputs, labels.to_numpy(), ones if weights is None else weights.to_numpy())


@dataclass(frozen=True)
class Fitted:
    """The winner, calibrated on the validation rows, and the average precision of all who competed."""

    name: str
    model: CalibratedModel
    average_precisions: dict[str, float]


def fit_best(
    makers: Mapping[str, Maker], fit: Rows, validation: Rows, *, settings: TrainingSettings
) -> Fitted:
    """Fit all, choose by average precision on the validation rows, calibrate the winner on them."""
    estimators = {name: fitted(make(settings), fit, settings) for name, make in makers.items()}
    precisions = {
        name: ranking_figures(
            validation.labels, raw_scores(estimator, validation.inputs), validation.weights
        )["average_precision"]
        for name, estimator in estimators.items()
    }
    best = max(precisions, key=precisions.__getitem__)
    model = calibrate(estimators[best], validation.inputs, validation.labels, validation.weights)
    return Fitted(best, model, precisions)


def fitted(estimator: Any, rows: Rows, settings: TrainingSettings) -> Any:
    """The estimator, fitted to weighted rows by as many threads as the settings allow."""
    weights = {"model__sample_weight" if hasattr(estimator, "steps") else "sample_weight": rows.weights}
    with threadpool_limits(settings.training_threads):
        return estimator.fit(rows.inputs, rows.labels, **weights)
