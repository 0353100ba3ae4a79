"""An estimator whose score is turned into a probability by a sigmoid fitted on rows it was not fitted on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

PROBABILITY_FLOOR = 1e-4
"""Probabilities of estimators without a raw score are kept this far from 0 and 1 before taking the logit."""

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.floating[Any]]


def raw_scores(estimator: Any, rows: Matrix) -> npt.NDArray[np.float64]:
    """Log odds [N] as the estimator sees them: its decision function, else the logit of its probability."""
    if hasattr(estimator, "decision_function"):
        return np.asarray(estimator.decision_function(rows), dtype=np.float64)
    p = np.clip(estimator.predict_proba(rows)[:, 1], PROBABILITY_FLOOR, 1 - PROBABILITY_FLOOR)
    return np.log(p) - np.log1p(-p)


@dataclass(frozen=True)
class CalibratedModel:
    """``probability = sigmoid(slope * raw + intercept)``.

    Attributes:
        estimator: A fitted scikit-learn binary classifier or pipeline.
        slope: Of the sigmoid; positive, so that the order of scores is the estimator's.
        intercept: Of the sigmoid; takes up a changed share of positives.
    """

    estimator: Any
    slope: float
    intercept: float

    def probability(self, rows: Matrix) -> npt.NDArray[np.float64]:
        """Probability of the positive class [N] of float32 rows [N, F]."""
        return self.of_raw(raw_scores(self.estimator, rows))

    def of_raw(self, raw: Floats) -> npt.NDArray[np.float64]:
        """Probability [N] of raw scores [N]."""
        return sigmoid(self.slope * np.asarray(raw, dtype=np.float64) + self.intercept)


def calibrate(
    estimator: Any, raw: Floats, labels: npt.NDArray[np.integer[Any]], weights: Floats | None = None
) -> CalibratedModel:
    """Fit the sigmoid (Platt, 1999) to raw scores of rows that the estimator, or one made like it, has not seen.

    Raises:
        ValueError: if the scores rank these rows backwards; a sigmoid cannot mend that.
    """
    column = np.asarray(raw, dtype=np.float64)[:, None]
    platt = LogisticRegression(C=np.inf).fit(column, labels, sample_weight=weights)
    slope, intercept = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    if slope <= 0:
        raise ValueError(f"the scores fall where the label rises (slope {slope:.3g}): check the labels")
    return CalibratedModel(estimator, slope, intercept)


def sigmoid(log_odds: Floats) -> npt.NDArray[np.float64]:
    """Logistic function without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * np.asarray(log_odds, dtype=np.float64)))
