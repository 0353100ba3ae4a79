"""No model is fitted to a training set that breaks its expectations, or promoted where served values are not those of history."""

from datetime import UTC, datetime
from typing import Any

import polars as pl

from artefact import AcceptedBatch
from expectations.gate import BatchRefused, TrainingGate
from expectations.parity.record import newest_first
from expectations.settings import QualitySettings
from training.errors import RefusedTrainingSetError
from training.promotion import served_as_history
from training.settings import TrainingSettings
from training.verdict import Check


def check_training_set(
    store: Any, service_name: str, rows: pl.DataFrame, label: str, settings: TrainingSettings
) -> AcceptedBatch | None:
    """Hold a training set to the expectations derived from its feature service.

    Args:
        store: A ``feast.FeatureStore``.
        service_name: Name of the feature service.
        rows: A column per feature, and the label.
        label: Column of the label, 0 or 1.
        settings: Where reports lie, and why a training set that breaks them is taken all the same.

    Returns:
        Who took it, where it broke its expectations; for the card.

    Raises:
        RefusedTrainingSetError: with the gate's report: what failed, and where the refused rows are kept.
    """
    gate = TrainingGate(QualitySettings(data_dir=settings.data_dir, gate_override=settings.gate_override))
    try:
        result = gate(store, service_name, rows.select(pl.exclude(label), label), label)
    except BatchRefused as refusal:
        raise RefusedTrainingSetError(str(refusal)) from refusal
    if result.accepted is None:
        return None
    failures = tuple(f"{failure.expectation}({failure.column})" for failure in result.failures)
    return AcceptedBatch.model_validate(vars(result.accepted) | {"failures": failures})


def parity_held(service_name: str, settings: TrainingSettings) -> Check:
    """Whether the newest measurement of parity lets a model that reads a feature service be promoted.

    Args:
        service_name: Name of the feature service.
        settings: Where reports lie.
    """
    quality = QualitySettings(data_dir=settings.data_dir)
    return served_as_history(service_name, newest_first(quality.reports_dir), quality, datetime.now(UTC))
