"""The fraud model: will this order be charged back?"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
from rich.progress import Progress

from artefact import MODEL_FILE
from training.convert import convert
from training.estimators import FRAUD_ESTIMATORS
from training.fitting import Rows, fit_best
from training.fraud_evaluation import fraud_metrics, fraud_protocol
from training.fraud_orders import fraud_split, labelled_orders
from training.gate import check_training_set
from training.history import feature_types, read_features
from training.inputs import choose_inputs, matrix
from training.publish import EVALUATION_FILE, TrainedModel, parquet_bytes, publish, unnamed_card
from training.settings import TrainingSettings
from training.split import Window
from training.steps import Steps
from training.thresholds import choose_thresholds

MODEL = "fraud"
REQUEST_INPUTS = {"transaction_amount": "Float64"}
"""Request columns that the model reads as they are, before the features of the service."""


def train_fraud(
    store: Any,
    settings: TrainingSettings,
    progress: Progress | None = None,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> TrainedModel:
    """Train, evaluate and publish the fraud model from the archive and one feature service.

    Args:
        store: A ``feast.FeatureStore``.
        settings: Windows, costs, seed.
        progress: Shows the steps.
        now: Clock of the card.

    Raises:
        NotEnoughHistoryError: the archive is too short for the windows, or has too few frauds in one.
        RefusedTrainingSetError: the training set broke its expectations.
        ConversionError: the converted model scores differently.
    """
    step = Steps(progress, "fraud model", 5)
    with step("orders and chargebacks"):
        split = fraud_split(store, settings)
        orders = labelled_orders(store, split, settings)
    with step(f"features of {orders.height:,} orders"):
        rows = read_features(store, settings.fraud_service, orders)
    with step("expectations"):
        check_training_set(store, settings.fraud_service, rows, "is_fraud", settings)
    with step("fit, choose, calibrate"):
        fit, validation, test = (rows.filter(part=part) for part in ("fit", "validation", "test"))
        types = REQUEST_INPUTS | feature_types(store, settings.fraud_service)
        inputs = choose_inputs(
            types,
            fit,
            max_categories=settings.training_max_categories,
            excluded=settings.training_excluded_inputs,
        )
        parts = [Rows.of(matrix(inputs, part), part["is_fraud"]) for part in (fit, validation)]
        fitted = fit_best(FRAUD_ESTIMATORS, *parts, settings=settings)
    with step("convert, evaluate, publish"):
        test_inputs = matrix(inputs, test)
        converted = convert(fitted.model, MODEL, test_inputs)
        test = test.with_columns(score=pl.Series(converted.scores(test_inputs)))
        thresholds = choose_thresholds(
            fitted.model.probability(parts[1].inputs), settings.fraud_validation_days, settings
        )
        card = unnamed_card(
            store,
            settings,
            model=MODEL,
            service=settings.fraud_service,
            inputs=inputs,
            fitted_on=fit,
            window=Window(split.fit.start, split.validation.end),
            created=now(),
            metrics=fraud_metrics(test, fitted, thresholds, settings)
            | {"conversion": converted.figures()}
            | fraud_protocol(split, rows, settings),
            thresholds=thresholds,
        )
        evaluation = test.select("order_id", "event_timestamp", "is_fraud", "score")
        files = {MODEL_FILE: converted.to_bytes(), EVALUATION_FILE: parquet_bytes(evaluation)}
        trained = publish(settings, card, files, split.end)
    step.finish()
    return trained
