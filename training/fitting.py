"""Rows as estimators take them, and the fitting itself."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import polars as pl
from threadpoolctl import threadpool_limits

from training.calibrated import Matrix
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


def fitted(estimator: Any, rows: Rows, settings: TrainingSettings) -> Any:
    """The estimator, fitted to weighted rows by as many threads as the settings allow."""
    weights = {"model__sample_weight" if hasattr(estimator, "steps") else "sample_weight": rows.weights}
    with threadpool_limits(settings.training_threads):
        return estimator.fit(rows.inputs, rows.labels, **weights)
