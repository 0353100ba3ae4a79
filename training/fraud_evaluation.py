"""The figures of the fraud model on the held-out days, beside those of the rules."""

from typing import Any

import polars as pl

from artefact import Thresholds
from training.fitting import Fitted
from training.metrics import Floats, at_threshold, calibration_figures, card_precision, ranking_figures
from training.rules import rule_scores
from training.settings import TrainingSettings
from training.split import FraudSplit

CARDS_PER_DAY = 100


def fraud_metrics(
    test: pl.DataFrame, fitted: Fitted, thresholds: Thresholds, settings: TrainingSettings
) -> dict[str, Any]:
    """Figures of the ``test`` rows with their ``score``.

    Returns:
        ``test`` and ``rules`` with ``auc``, ``average_precision`` and ``card_precision_at_100``; ``thresholds``;
        ``calibration``; ``validation`` with the average precision of every estimator.
    """
    labels = test["is_fraud"].to_numpy()
    probabilities = test["score"].to_numpy()
    return {
        "chosen": fitted.name,
        "test": _ranking(test, probabilities),
        "rules": _ranking(test, rule_scores(test, settings)),
        "validation": {"average_precision": fitted.average_precisions},
        "thresholds": {
            name: at_threshold(labels, probabilities, threshold)
            for name, threshold in (("medium", thresholds.medium), ("high", thresholds.high))
        },
        "costs": _costs(settings),
        "calibration": calibration_figures(labels, probabilities),
    }


def fraud_protocol(split: FraudSplit, rows: pl.DataFrame, settings: TrainingSettings) -> dict[str, Any]:
    """``windows`` with numbers of orders and frauds, and ``protocol``: the rule by which labels were read."""
    windows = {"fit": split.fit, "validation": split.validation, "test": split.test}
    counts = {
        part: {"orders": group.height, "frauds": int(group["is_fraud"].sum())}
        for (part,), group in rows.group_by("part", maintain_order=True)
    }
    return {
        "windows": {
            name: {"start": f"{window.start:%Y-%m-%d %H:%M}", "end": f"{window.end:%Y-%m-%d %H:%M}"}
            | counts[name]
            for name, window in windows.items()
        },
        "protocol": (
            "An order is fraud if a chargeback of it had arrived: for fit and validation by the start of the test, "
            f"for the test by the end of the data ({split.end:%Y-%m-%d %H:%M} UTC). Every order had at least "
            f"{settings.fraud_label_delay_days:g} days to be charged back; a later chargeback counts as none. The "
            "estimator was chosen, calibrated and its thresholds set on the validation days, the test days were used "
            f"once. More than {settings.fraud_max_orders:,} orders to fit on are sampled."
        ),
    }


def _ranking(test: pl.DataFrame, scores: Floats) -> dict[str, float]:
    figures = ranking_figures(test["is_fraud"].to_numpy(), scores)
    by_day = card_precision(test.with_columns(score=pl.Series(scores)), CARDS_PER_DAY)
    return figures | {f"card_precision_at_{CARDS_PER_DAY}": by_day}


def _costs(settings: TrainingSettings) -> dict[str, float]:
    return {
        "missed_fraud": settings.fraud_missed_cost,
        "blocked_good_order": settings.fraud_blocked_cost,
        "review": settings.fraud_review_cost,
        "reviews_per_day": settings.fraud_reviews_per_day,
    }
