"""The figures of the fraud model on the held-out days, beside those of the baselines."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from artefact import Thresholds
from expectations.resampling import over_customers
from training.confidence import over_folds
from training.folds import Fold
from training.fraud_orders import FraudOrders
from training.metrics import (
    Floats,
    at_threshold,
    calibration_figures,
    cost_curve,
    fraud_figures,
    ranking_figures,
)
from training.selection import Selection
from training.settings import TrainingSettings

JUDGED_BY = ("average_precision", "card_precision_at_100")
"""Figures whose sum decides between candidates."""


def fraud_metrics(
    test: pl.DataFrame,
    scores: Mapping[str, Floats],
    selection: Selection,
    thresholds: Thresholds,
    settings: TrainingSettings,
) -> dict[str, Any]:
    """Figures of the test rows.

    Args:
        test: ``order_id``, ``user_id``, ``event_timestamp``, ``is_fraud``.
        scores: Scores [N] of the rows: the model's probabilities under ``test``, baselines under their names.
        selection: What came of the competition on the folds.
        thresholds: Risk levels.
        settings: Costs, seed.
    """
    labels, probabilities = test["is_fraud"].to_numpy(), scores["test"]
    return {
        "chosen": selection.chosen,
        **{name: fraud_figures(test, values) for name, values in scores.items()},
        "intervals": _intervals(test, scores, settings),
        "folds": {name: _flat(over_folds(figures)) for name, figures in selection.figures.items()},
        "thresholds": {
            name: at_threshold(labels, probabilities, threshold)
            for name, threshold in (("medium", thresholds.medium), ("high", thresholds.high))
        },
        "scenarios": _scenarios(test.with_columns(score=pl.Series(probabilities)), thresholds, settings),
        "costs": _costs(settings)
        | {
            "by_threshold": cost_curve(
                labels,
                probabilities,
                missed=settings.fraud_missed_cost,
                blocked=settings.fraud_blocked_cost,
            )
        },
        "calibration": calibration_figures(labels, probabilities),
    }


def fraud_protocol(orders: FraudOrders, settings: TrainingSettings) -> dict[str, Any]:
    """``windows`` with numbers of orders and frauds, and ``protocol``: the rule by which labels were read."""
    split = orders.split
    return {
        "windows": {
            **{f"fold {i}": _windows(fold, orders) for i, fold in enumerate(split.folds, 1)},
            "final": _windows(split.final, orders),
        },
        "protocol": (
            "A model is fitted on orders that had had at least "
            f"{settings.fraud_label_delay_days:g} days to be charged back, with the chargebacks that had arrived when the "
            "assessed window began, and judged on the days that followed; of those, orders of customers who were known "
            "as compromised when the day began (a fraud since the training window began) are taken out. Candidates were "
            f"chosen on {settings.fraud_folds} folds by the sum of average precision and card precision at 100; the "
            "sigmoid of the calibration and the thresholds come from the same folds, from models that had not seen the "
            f"rows. The test was used once; its labels are the chargebacks up to {split.end:%Y-%m-%d %H:%M} UTC, a later "
            f"one counts as none. Of good orders that models are only fitted on {orders.share:.3g} was drawn, and weighted."
        ),
    }


def _intervals(
    test: pl.DataFrame, scores: Mapping[str, Floats], settings: TrainingSettings
) -> dict[str, dict[str, float]]:
    """95 % of the average precision of each score, and of the model's gain on each baseline."""
    labels = test["is_fraud"].to_numpy()

    def precisions(often: Floats) -> dict[str, float]:
        drawn = often > 0
        found = {
            name: ranking_figures(labels[drawn], values[drawn], often[drawn])["average_precision"]
            for name, values in scores.items()
        }
        gains = {f"gain on {name}": found["test"] - found[name] for name in found if name != "test"}
        return found | gains

    return over_customers(
        test["user_id"], precisions, draws=settings.training_bootstrap_draws, seed=settings.training_seed
    )


def _flat(intervals: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {
        name if bound == "mean" else f"{name}_{bound}": value
        for name, interval in intervals.items()
        for bound, value in interval.items()
    }


def _scenarios(
    test: pl.DataFrame, thresholds: Thresholds, settings: TrainingSettings
) -> dict[str, dict[str, float]]:
    """Recall by kind of fraud, charged back or not, where the kinds are known."""
    if not settings.scenarios_file.is_file():
        return {}
    kinds = pl.read_parquet(settings.scenarios_file, columns=["order_id", "scenario"]).unique("order_id")
    found = (
        test.join(kinds, on="order_id")
        .group_by("scenario")
        .agg(
            orders=pl.len(),
            medium=(pl.col("score") >= thresholds.medium).mean(),
            high=(pl.col("score") >= thresholds.high).mean(),
        )
        .sort("scenario")
    )
    return {
        scenario: {"orders": orders, "recall_medium": medium, "recall_high": high}
        for scenario, orders, medium, high in found.iter_rows()
    }


def _windows(fold: Fold, orders: FraudOrders) -> dict[str, Any]:
    fit, judged = orders.fitted_on(fold), orders.judged(fold)
    return {
        "fitted_from": f"{fold.train.start:%Y-%m-%d %H:%M}",
        "fitted_to": f"{fold.train.end:%Y-%m-%d %H:%M}",
        "fitted_orders": fit.height,
        "fitted_frauds": int(fit["is_fraud"].sum()),
        "judged_from": f"{fold.assess.start:%Y-%m-%d %H:%M}",
        "judged_to": f"{fold.assess.end:%Y-%m-%d %H:%M}",
        "judged_orders": judged.height,
        "judged_frauds": int(judged["is_fraud"].sum()),
    }


def _costs(settings: TrainingSettings) -> dict[str, float]:
    return {
        "missed_fraud": settings.fraud_missed_cost,
        "blocked_good_order": settings.fraud_blocked_cost,
        "review": settings.fraud_review_cost,
        "reviews_per_day": settings.fraud_reviews_per_day,
    }
