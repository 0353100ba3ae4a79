"""The program behind ``python -m training.experiment_report``: joins, compares, prints and writes the page."""

import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from feast import FeatureStore
from rich.console import Console

from artefact import ArtefactError, Thresholds, load_card, version_path
from artefact.experiments import Experiment, load_experiments
from artefact.folder import write_atomically
from training.arms_compared import Comparison, compared
from training.errors import TrainingError
from training.experiment_page import page, table, verdict, warning
from training.history import data_end
from training.outcomes import list_outcomes, order_outcomes
from training.predictions import read_predictions
from training.settings import TrainingSettings


def run(name: str, repo: Path) -> int:
    """Report of an experiment by its name; the exit status."""
    settings = TrainingSettings()
    try:
        experiment = find(settings.models_dir, name)
        comparison = report(FeatureStore(repo_path=str(repo)), experiment, settings)
    except (ArtefactError, TrainingError) as error:
        print(error, file=sys.stderr)
        return 1
    _show(comparison, _write(comparison, settings))
    return 0


def find(models_dir: Path, name: str) -> Experiment:
    """An experiment of the models folder, running or stopped.

    Raises:
        ArtefactError: if there is none of that name.
    """
    known = {one.name: one for one in load_experiments(models_dir)}
    if name not in known:
        raise ArtefactError(f"there is no experiment {name!r}; known: {', '.join(known) or 'none'}")
    return known[name]


def report(store: Any, experiment: Experiment, settings: TrainingSettings) -> Comparison:
    """Join what was predicted with what became of it, up to the end of the data.

    Args:
        store: A ``feast.FeatureStore`` with the archives.
        experiment: Its definition.
        settings: Where predictions lie, and how long outcomes are waited for.

    Raises:
        NotEnoughHistoryError: if nothing was predicted, or nothing ordered.
        ArtefactError: if a version has no card any more.
    """
    end = settings.training_data_end or data_end(store)
    predictions = read_predictions(settings.predictions_url, experiment, end)
    if experiment.model == "fraud":
        scored = order_outcomes(
            store,
            predictions,
            _thresholds(settings.models_dir, predictions["version"].unique().to_list()),
            patience=timedelta(minutes=settings.experiment_order_minutes),
            delay=timedelta(days=settings.fraud_label_delay_days),
            end=end,
        )
        return compared(experiment, predictions, scored, scored, end)
    entries, lists = list_outcomes(store, predictions, horizon=settings.horizon, end=end)
    return compared(experiment, predictions, entries, lists, end)


def _thresholds(models_dir: Path, versions: Sequence[str]) -> dict[str, Thresholds]:
    found = {}
    for version in versions:
        card = load_card(version_path(models_dir, *version.split("@", 1)))
        if card.thresholds is None:
            raise ArtefactError(f"the card of {version} has no thresholds; restore it")
        found[version] = card.thresholds
    return found


def _write(comparison: Comparison, settings: TrainingSettings) -> Path:
    folder = settings.data_dir / "experiments"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{comparison.experiment.name}.html"
    write_atomically(file, page(comparison))
    return file


def _show(comparison: Comparison, file: Path) -> None:
    console = Console()
    console.print(table(comparison))
    if caution := warning(comparison):
        console.print(caution, style="red", soft_wrap=True)
    console.print(f"{verdict(comparison)}; {file}", soft_wrap=True)
