import importlib.util
from pathlib import Path

import pytest

from tests.unit.training.cards import small_card
from training.errors import TrackingError
from training.publish import TrainedModel
from training.settings import TrainingSettings
from training.tracking import figures, log_to_mlflow
from training.verdict import Verdict


def test_every_number_is_logged_by_its_path() -> None:
    """Lists and texts stay in the card."""
    nested = {"chosen": "forest", "folds": {"random forest": {"auc": 0.9}}, "rows": 3, "table": [1, 2]}
    assert dict(figures(nested)) == {"folds.random_forest.auc": 0.9, "rows": 3.0}


@pytest.mark.skipif(importlib.util.find_spec("mlflow") is not None, reason="MLflow is installed here")
def test_without_mlflow_the_error_says_what_to_install(tmp_path: Path) -> None:
    """Or what to unset."""
    trained = TrainedModel(small_card(), tmp_path, Verdict((), promote=False))
    settings = TrainingSettings(mlflow_tracking_uri="http://127.0.0.1:1")
    with pytest.raises(TrackingError, match=r"pip install mlflow-skinny.* unset"):
        log_to_mlflow(trained, settings)
