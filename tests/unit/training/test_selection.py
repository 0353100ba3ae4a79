import numpy as np
import polars as pl

from training.estimators import FRAUD_ESTIMATORS, Maker
from training.fitting import Rows
from training.metrics import ranking_figures
from training.selection import FoldRows, compete
from training.settings import TrainingSettings

SETTINGS = TrainingSettings()


def ring(seed: int) -> Rows:
    """Positives lie outside of a ring: a straight line does not tell them apart."""
    inputs = np.random.default_rng(seed).normal(size=(1_500, 2)).astype(np.float32)
    return Rows.of(inputs, pl.Series((np.hypot(*inputs.T) > 1.8).astype(int)))


def test_the_best_on_days_that_follow_is_chosen() -> None:
    """Every candidate has its figures of every fold, the winner its scores."""
    folds = [FoldRows(ring(i), ring(i + 10)) for i in range(2)]
    makers: dict[str, Maker] = {
        name: FRAUD_ESTIMATORS[name] for name in ("logistic_regression", "fine_boosting")
    }
    found = compete(
        makers,
        folds,
        lambda i, scores: ranking_figures(folds[i].assess.labels, scores),
        ("average_precision", "auc"),
        settings=SETTINGS,
    )
    assert found.chosen == "fine_boosting"
    assert found.figures.keys() == makers.keys()
    assert all(len(figures) == 2 for figures in found.figures.values())
    assert [len(scores) for scores in found.raw] == [1_500, 1_500]
    assert found.figures["fine_boosting"][0]["auc"] > 0.9 > found.figures["logistic_regression"][0]["auc"]
