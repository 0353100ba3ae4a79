"""No model is fitted to a training set that breaks its expectations."""

from typing import Any

import polars as pl

from expectations.gate import BatchRefused, TrainingGate
from expectations.settings import QualitySettings
from training.errors import RefusedTrainingSetError
from training.settings import TrainingSettings


def check_training_set(
    store: Any, service_name: str, rows: pl.DataFrame, label: str, settings: TrainingSettings
) -> None:
    """Hold a training set to the expectations derived from its feature service.

    Args:
        store: A ``feast.FeatureStore``.
        service_name: Name of the feature service.
        rows: A column per feature, and the label.
        label: Column of the label, 0 or 1.
        settings: Where reports lie.

    Raises:
        RefusedTrainingSetError: with the gate's report: what failed, and where the refused rows are kept.
    """
    gate = TrainingGate(QualitySettings(data_dir=settings.data_dir))
    try:
        gate(store, service_name, rows.select(pl.exclude(label), label), label)
    except BatchRefused as refusal:
        raise RefusedTrainingSetError(str(refusal)) from refusal
