"""How good scores are. All arrays are one-dimensional and of one length N; labels are 0 and 1, higher scores mean 1."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]
CARDS_PER_DAY = 100
"""Customers that can be looked at in a day, for card precision."""


def ranking_figures(labels: Labels, scores: Floats, weights: Floats | None = None) -> dict[str, float]:
    """AUC ROC and average precision.

    Raises:
        ValueError: if all labels are the same.
    """
    if len(np.unique(labels)) < 2:
        raise ValueError(f"{len(labels)} rows have one label only; a ranking needs both")
    return {
        "auc": float(roc_auc_score(labels, scores, sample_weight=weights)),
        "average_precision": float(average_precision_score(labels, scores, sample_weight=weights)),
    }


def recall_at_false_positive_rate(labels: Labels, scores: Floats, rate: float) -> float:
    """Highest share of positives that is found while not more than ``rate`` of the negatives is called positive."""
    false_positives, recalls, _ = roc_curve(labels, scores, drop_intermediate=False)
    return float(recalls[false_positives <= rate].max())


def fraud_figures(rows: pl.DataFrame, scores: Floats) -> dict[str, float]:
    """What is asked of a fraud model, from its scores [N] of rows ``user_id, event_timestamp, is_fraud``.

    Returns:
        ``auc``, ``average_precision``, ``card_precision_at_100`` and ``recall_at_1_percent`` (false positives).
    """
    labels = rows["is_fraud"].to_numpy()
    by_day = card_precision(rows.with_columns(score=pl.Series(scores)), CARDS_PER_DAY)
    return ranking_figures(labels, scores) | {
        f"card_precision_at_{CARDS_PER_DAY}": by_day,
        "recall_at_1_percent": recall_at_false_positive_rate(labels, scores, 0.01),
    }


def card_precision(rows: pl.DataFrame, k: int) -> float:
    """Mean over days of the share of compromised customers among the ``k`` with the highest score of the day.

    A customer's score of a day is the highest of their orders; a customer found on one day is taken out of the later ones.

    Args:
        rows: ``user_id``, ``event_timestamp``, ``is_fraud``, ``score``, a row per order.
        k: Customers that can be looked at in a day.
    """
    days = (
        rows.group_by(pl.col("event_timestamp").dt.date().alias("day"), "user_id")
        .agg(pl.col("score").max(), pl.col("is_fraud").max())
        .sort("day", "score", "user_id", descending=[False, True, False])
        .partition_by("day", maintain_order=True)
    )
    found: set[str] = set()
    shares: list[float] = []
    for day in days:
        top = day.filter(~pl.col("user_id").is_in(list(found))).head(k)
        caught = top.filter(pl.col("is_fraud") == 1)["user_id"].to_list()
        found.update(caught)
        shares.append(len(caught) / k)
    return float(np.mean(shares))


def calibration_figures(
    labels: Labels, probabilities: Floats, weights: Floats | None = None, bins: int = 10
) -> dict[str, Any]:
    """Brier score, expected calibration error over bins of equal numbers of rows, and the bins themselves."""
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=float)
    parts = np.array_split(np.argsort(probabilities, kind="stable"), bins)
    table = [
        {
            "predicted": float(np.average(probabilities[part], weights=weights[part])),
            "observed": float(np.average(labels[part], weights=weights[part])),
            "weight": float(weights[part].sum() / weights.sum()),
        }
        for part in parts
        if len(part)
    ]
    return {
        "brier": float(np.average((probabilities - labels) ** 2, weights=weights)),
        "expected_calibration_error": sum(b["weight"] * abs(b["predicted"] - b["observed"]) for b in table),
        "reliability": table,
    }


def at_threshold(labels: Labels, scores: Floats, threshold: float) -> dict[str, float]:
    """Precision, recall and false-positive rate of calling everything from ``threshold`` on positive."""
    called = scores >= threshold
    hits, positives = int((called & (labels == 1)).sum()), int((labels == 1).sum())
    false_alarms, negatives = int(called.sum()) - hits, len(labels) - positives
    return {
        "threshold": float(threshold),
        "share": float(called.mean()),
        "precision": hits / max(1, hits + false_alarms),
        "recall": hits / max(1, positives),
        "false_positive_rate": false_alarms / max(1, negatives),
    }


def cost_curve(
    labels: Labels, probabilities: Floats, *, missed: float, blocked: float, points: int = 41
) -> list[dict[str, float]]:
    """What 1,000 orders cost when everything from a threshold on is blocked, for thresholds from 0.001 to 1.

    Args:
        labels: 0 or 1 [N].
        probabilities: Of a fraud [N].
        missed: Cost of a fraud that goes through.
        blocked: Cost of a good order that is blocked.
        points: How many thresholds, evenly apart in their logarithm.
    """
    return [
        {
            "threshold": float(threshold),
            "cost": 1_000
            * float(
                missed * ((probabilities < threshold) & (labels == 1)).mean()
                + blocked * ((probabilities >= threshold) & (labels == 0)).mean()
            ),
        }
        for threshold in np.geomspace(0.001, 1, points)
    ]


def hit_figures(ranks: npt.NDArray[np.floating[Any]], k: int) -> dict[str, float]:
    """Hit rate, NDCG and mean reciprocal rank at ``k`` of one relevant item per list.

    Args:
        ranks: Position of the relevant item, 0 is the top; infinite where the list does not hold it.
        k: Length of the list that is shown.
    """
    shown = ranks < k
    places = np.where(shown, ranks, 0) + 1
    gains, reciprocals = np.where(shown, 1 / np.log2(places + 1), 0), np.where(shown, 1 / places, 0)
    return {
        f"hit_rate_at_{k}": float(shown.mean()),
        f"ndcg_at_{k}": float(gains.mean()),
        f"mrr_at_{k}": float(reciprocals.mean()),
    }


def list_figures(lists: npt.NDArray[np.integer[Any]], popularity: Floats) -> dict[str, float]:
    """What lists show, whatever is relevant.

    Args:
        lists: Numbers of the items shown [L, k].
        popularity: Of each item [I], the most popular one's being 1.

    Returns:
        ``coverage``: share of the items that are in any list; ``popularity_of_shown``: mean over all places.
    """
    return {
        "coverage": len(np.unique(lists)) / len(popularity),
        "popularity_of_shown": float(popularity[lists].mean()),
    }
