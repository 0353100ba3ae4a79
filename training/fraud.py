"""The fraud model: will this order be charged back?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl
from rich.progress import Progress

from artefact import MODEL_FILE, REFERENCE_FILE, Card, InputFeature, Thresholds
from expectations.resampling import Interval, over_customers
from training.calibrated import CalibratedModel, calibrate, raw_scores
from training.champion import Champion
from training.convert import Converted, convert
from training.estimators import FRAUD_ESTIMATORS
from training.fitting import Rows, fitted
from training.folds import Fold
from training.fraud_evaluation import JUDGED_BY, fraud_metrics, fraud_protocol
from training.fraud_orders import ASKED, FraudOrders, fraud_split
from training.fraud_page import fraud_page
from training.gate import check_training_set, parity_held
from training.history import feature_types, read_features, windowed_features
from training.importance import permutation_importance
from training.inputs import choose_inputs, matrix
from training.labels import known_at
from training.leaks import check_scores_are_believable
from training.metrics import Floats, fraud_figures, ranking_figures
from training.promotion import (
    calibration_within,
    expectations_held,
    judge,
    not_worse_than_champion,
    parity,
    scoring_within,
)
from training.publish import EVALUATION_FILE, TrainedModel, named, parquet_bytes, publish, unnamed_card
from training.reference import reference_rows
from training.rules import rule_scores
from training.rungs import fraud_rungs
from training.selection import FoldRows, Selection, compete
from training.settings import TrainingSettings
from training.split import Window
from training.steps import Steps
from training.thresholds import choose_thresholds

MODEL = "fraud"
REQUEST_INPUTS = {"transaction_amount": "Float64"}
"""Request columns that the model reads as they are, before the features of the service."""
Inputs = tuple[InputFeature, ...]


@dataclass(frozen=True)
class _Fraud:
    """Orders with their features, and what a model reads of them."""

    orders: FraudOrders
    inputs: Inputs
    settings: TrainingSettings

    def fit_rows(self, fold: Fold) -> Rows:
        rows = self.orders.fitted_on(fold)
        return Rows.of(matrix(self.inputs, rows), rows["is_fraud"], rows["weight"])

    def judged_rows(self, fold: Fold) -> Rows:
        rows = self.orders.judged(fold)
        return Rows.of(matrix(self.inputs, rows), rows["is_fraud"])

    def fitted(self, name: str) -> Any:
        """An estimator fitted on the final training window."""
        return fitted(
            FRAUD_ESTIMATORS[name](self.settings), self.fit_rows(self.orders.split.final), self.settings
        )


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
        LeakError: an input sees the label of its own row.
        ConversionError: the converted model scores differently.
    """
    step = Steps(progress, "fraud model", 6)
    with step("orders and chargebacks"):
        split = fraud_split(store, settings)
        orders = FraudOrders.read(store, split, settings)
    with step(f"features of {orders.rows.height:,} orders"):
        rows = read_features(store, settings.fraud_service, orders.rows)
    with step("expectations"):
        accepted = check_training_set(
            store, settings.fraud_service, known_at(rows, split.cut), "is_fraud", settings
        )
    with step(f"candidates on {len(split.folds)} folds"):
        fraud = _with_inputs(store, orders.with_features(rows), settings)
        selection, model, thresholds = _choose(fraud)
    with step("convert and evaluate"):
        test = fraud.orders.judged(split.final)
        test_rows = fraud.judged_rows(split.final)
        converted = convert(model, MODEL, matrix(fraud.inputs, fraud.orders.rows))
        scores = {
            "test": converted.scores(test_rows.inputs),
            "no_windows": _without_windows(store, fraud, selection.chosen),
            "rules": rule_scores(test, settings),
        }
        rungs = fraud_rungs(
            store,
            fraud.inputs,
            converted,
            fraud.orders.fitted_on(split.final),
            test,
            scores["test"],
            settings,
        )
        names = [feature.name for feature in fraud.inputs]
        metrics = fraud_metrics(test, scores, selection, thresholds, settings) | {
            "importance": permutation_importance(
                converted.scorer(), names, test_rows, seed=settings.training_seed
            ),
            "conversion": converted.figures(),
            "rungs": rungs.figures,
        }
    with step("check and publish"):
        card = unnamed_card(
            store,
            settings,
            model=MODEL,
            service=settings.fraud_service,
            inputs=fraud.inputs,
            fitted_on=fraud.orders.fitted_on(split.final),
            window=Window(split.final.train.start, split.final.train.end),
            created=now(),
            metrics=metrics | fraud_protocol(fraud.orders, settings),
            thresholds=thresholds,
            rules=rungs.rules,
            accepted=accepted,
        )
        trained = _publish(store, fraud, card, converted, test, scores, selection)
    step.finish()
    return trained


def _with_inputs(store: Any, orders: FraudOrders, settings: TrainingSettings) -> _Fraud:
    inputs = choose_inputs(
        REQUEST_INPUTS | feature_types(store, settings.fraud_service),
        orders.fitted_on(orders.split.final),
        max_categories=settings.training_max_categories,
        excluded=settings.training_excluded_inputs,
    )
    return _Fraud(orders, inputs, settings)


def _choose(fraud: _Fraud) -> tuple[Selection, CalibratedModel, Thresholds]:
    """The best candidate on the folds, fitted anew on the last days; calibration and thresholds are the folds'."""
    settings, folds = fraud.settings, fraud.orders.split.folds
    judged = [fraud.orders.judged(fold) for fold in folds]
    rows = [FoldRows(fraud.fit_rows(fold), fraud.judged_rows(fold)) for fold in folds]
    selection = compete(
        FRAUD_ESTIMATORS,
        rows,
        lambda i, scores: fraud_figures(judged[i], scores),
        JUDGED_BY,
        settings=settings,
    )
    auc = float(np.mean([fold["auc"] for fold in selection.figures[selection.chosen]]))
    names = [feature.name for feature in fraud.inputs]
    check_scores_are_believable(auc, settings.fraud_leak_auc, names, rows[-1].assess)
    raw, labels = np.concatenate(selection.raw), np.concatenate([fold.assess.labels for fold in rows])
    model = calibrate(fraud.fitted(selection.chosen), raw, labels)
    days = len(folds) * settings.fraud_fold_days
    return selection, model, choose_thresholds(model.of_raw(raw), days, settings)


def _without_windows(store: Any, fraud: _Fraud, chosen: str) -> Floats:
    """Raw scores of the test rows by the same estimator without what windows tell."""
    windowed = windowed_features(store, fraud.settings.fraud_service)
    left = _Fraud(
        fraud.orders,
        tuple(feature for feature in fraud.inputs if feature.name not in windowed),
        fraud.settings,
    )
    return raw_scores(left.fitted(chosen), left.judged_rows(fraud.orders.split.final).inputs)


def _publish(
    store: Any,
    fraud: _Fraud,
    card: Card,
    converted: Converted,
    test: pl.DataFrame,
    scores: Mapping[str, Floats],
    selection: Selection,
) -> TrainedModel:
    """Judge the version beside the champion, and write it with its report."""
    settings, split = fraud.settings, fraud.orders.split
    evaluation = test.select("order_id", "event_timestamp", "is_fraud", score=pl.Series(scores["test"]))
    reference = reference_rows(
        fraud.orders, fraud.inputs, lambda rows: converted.scores(matrix(fraud.inputs, rows)), settings
    )
    files = {
        MODEL_FILE: converted.to_bytes(),
        EVALUATION_FILE: parquet_bytes(evaluation),
        REFERENCE_FILE: parquet_bytes(reference),
    }
    card = named(card, files, split.end)
    champion = Champion.load(settings, MODEL)
    theirs = champion.scores(test) if champion else None
    checks = (
        expectations_held(settings.fraud_service, card.accepted),
        parity_held(settings.fraud_service, settings),
        parity(store, settings.fraud_service, test, ASKED, fraud.inputs),
        calibration_within(card.metrics["calibration"]["expected_calibration_error"], settings),
        not_worse_than_champion(
            champion.card.version if champion else None,
            None if theirs is None else _gain(test, scores["test"], theirs, settings),
            "average precision",
        ),
        scoring_within(converted, matrix(fraud.inputs, test), settings),
    )
    verdict = judge(checks, settings)
    shown = scores if theirs is None else {**scores, "champion": theirs}
    page = fraud_page(card, verdict, test, shown, selection)
    return publish(settings, card, files, page, verdict)


def _gain(test: pl.DataFrame, ours: Floats, theirs: Floats, settings: TrainingSettings) -> Interval | None:
    """Average precision beyond the champion's on the same rows."""
    labels = test["is_fraud"].to_numpy()

    def gain(often: Floats) -> dict[str, float]:
        drawn = often > 0
        new, old = (
            ranking_figures(labels[drawn], values[drawn], often[drawn])["average_precision"]
            for values in (ours, theirs)
        )
        return {"gain": new - old}

    found = over_customers(
        test["user_id"], gain, draws=settings.training_bootstrap_draws, seed=settings.training_seed
    )
    return found.get("gain")
