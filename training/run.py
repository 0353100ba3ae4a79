"""The training program behind its command line: composes store, settings and progress."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from feast import FeatureStore
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from training.errors import TrackingError, TrainingError
from training.fraud import train_fraud
from training.publish import TrainedModel
from training.recommendation import train_recommendation
from training.recommendation_evaluation import MOMENTS, SHOWN
from training.settings import TrainingSettings
from training.tracking import log_to_mlflow

TRAININGS: Mapping[str, Callable[[Any, TrainingSettings, Progress], TrainedModel]] = {
    "fraud": train_fraud,
    "recommendation": train_recommendation,
}


def run(models: Sequence[str], repo: Path, accept_batch: str) -> int:
    """Train each model, with a reason (`accept_batch`) also on rows that break their expectations; prints what came of it.

    Returns the exit status.
    """
    settings, store = TrainingSettings(), FeatureStore(repo_path=str(repo))
    if accept_batch:
        settings = settings.model_copy(update={"gate_override": accept_batch})
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    trained: list[TrainedModel] = []
    with Progress(*columns, console=console) as progress:
        for model in models:
            try:
                trained.append(TRAININGS[model](store, settings, progress))
            except TrainingError as error:
                print(f"{model} was not trained: {error}", file=sys.stderr)
    if trained:
        console.print(summary(trained))
        for one in trained:
            console.print(f"{one.card.model}: {one.verdict.summary}; {one.path}", soft_wrap=True)
    logged = [_logged(one, settings) for one in trained]
    return 0 if len(trained) == len(models) and all(logged) else 1


def _logged(trained: TrainedModel, settings: TrainingSettings) -> bool:
    if settings.mlflow_tracking_uri is None:
        return True
    try:
        log_to_mlflow(trained, settings)
    except TrackingError as error:
        print(f"{trained.card.model} was published and not logged: {error}", file=sys.stderr)
        return False
    return True


def summary(trained: Sequence[TrainedModel]) -> Table:
    """A table of the figures that matter."""
    table = Table("model", "figure", "value", "baseline", title="Trained models")
    for model in trained:
        for figure, value, baseline in _figures(model):
            table.add_row(model.card.model, figure, f"{value:.4f}", f"{baseline:.4f}")
    return table


def _figures(model: TrainedModel) -> list[tuple[str, float, float]]:
    metrics = model.card.metrics
    if "rules" in metrics:
        return [(name, value, metrics["rules"][name]) for name, value in metrics["test"].items()]
    rate = f"hit_rate_at_{SHOWN}"
    ranking = {moment: metrics["ranking"][moment] for moment in MOMENTS}
    return [(f"{rate}, {moment}", row[rate], row[f"popularity_{rate}"]) for moment, row in ranking.items()]
