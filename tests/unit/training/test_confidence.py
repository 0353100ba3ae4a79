import numpy as np
import pytest

from training.confidence import over_folds


def test_folds_give_students_interval() -> None:
    """Of 0.4, 0.5, 0.6: 4.303 standard errors of 0.1 / sqrt(3) to each side; of one fold nothing to each side."""
    interval = over_folds([{"auc": 0.4}, {"auc": 0.5}, {"auc": 0.6}])["auc"]
    assert interval["mean"] == pytest.approx(0.5)
    assert interval["high"] - interval["mean"] == pytest.approx(0.43027 / np.sqrt(3), rel=1e-4)
    assert over_folds([{"auc": 0.7}])["auc"] == {"mean": 0.7, "low": 0.7, "high": 0.7}


def test_a_share_stays_between_nothing_and_all() -> None:
    """However few the folds."""
    interval = over_folds([{"auc": 0.1}, {"auc": 0.9}])["auc"]
    assert (interval["low"], interval["high"]) == (0, 1)
