"""Finished trainings in MLflow, for teams that look there; nothing here is imported where no URI is set."""

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

from training.errors import TrackingError
from training.publish import TrainedModel
from training.settings import TrainingSettings


def log_to_mlflow(trained: TrainedModel, settings: TrainingSettings) -> None:
    """One run per training: settings as parameters, every figure of the card, the whole folder as artefacts.

    Raises:
        TrackingError: if MLflow is not installed or does not take it; the artefact is published all the same.
    """
    try:
        mlflow = importlib.import_module("mlflow")
    except ImportError as error:
        raise TrackingError(
            "SHOP_MLFLOW_TRACKING_URI is set and MLflow is not installed: `pip install mlflow-skinny`, or unset it"
        ) from error
    card = trained.card
    try:
        mlflow.set_tracking_uri(settings.mlflow_tracking_uri)
        mlflow.set_experiment(f"feast-shop {card.model}")
        with mlflow.start_run(run_name=card.version):
            mlflow.set_tags({"verdict": trained.verdict.summary, "git_revision": str(card.git_revision)})
            mlflow.log_params(settings.model_dump(mode="json"))
            mlflow.log_metrics(dict(figures(card.metrics)))
            mlflow.log_artifacts(str(trained.path))
    except mlflow.exceptions.MlflowException as error:
        raise TrackingError(f"{settings.mlflow_tracking_uri} did not take {card.version}: {error}") from error


def figures(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Every number of nested figures by its path, such as ``test.auc``; lists and texts are in the card alone."""
    for name, value in metrics.items():
        path = f"{prefix}{name}".replace(" ", "_")
        if isinstance(value, Mapping):
            yield from figures(value, f"{path}.")
        elif isinstance(value, int | float):
            yield path, float(value)
