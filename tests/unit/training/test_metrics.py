from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from training.metrics import (
    at_threshold,
    calibration_figures,
    card_precision,
    fraud_figures,
    hit_figures,
    list_figures,
    ranking_figures,
    recall_at_false_positive_rate,
)

DAY = datetime(2026, 5, 1, tzinfo=UTC)


def test_a_perfect_ranking_has_auc_and_average_precision_one() -> None:
    """And a reversed one AUC zero."""
    labels = np.array([0, 0, 1, 1])
    assert ranking_figures(labels, np.array([0.1, 0.2, 0.3, 0.4])) == {"auc": 1, "average_precision": 1}
    assert ranking_figures(labels, np.array([0.4, 0.3, 0.2, 0.1]))["auc"] == 0


def test_a_ranking_of_one_label_is_refused() -> None:
    """The number of rows is named."""
    with pytest.raises(ValueError, match="3 rows have one label"):
        ranking_figures(np.zeros(3, dtype=int), np.ones(3))


def test_weights_stand_for_repeated_rows() -> None:
    """Figures of weighted rows are those of the rows written out."""
    labels, scores, weights = np.array([0, 1, 0, 1]), np.array([0.1, 0.3, 0.5, 0.9]), np.array([1, 2, 3, 1])
    written_out = ranking_figures(np.repeat(labels, weights), np.repeat(scores, weights))
    assert ranking_figures(labels, scores, weights.astype(float)) == pytest.approx(written_out)


def test_card_precision_looks_at_each_customer_once() -> None:
    """Two cards a day: a is found on day 1 and not counted again on day 2; c's highest score counts."""
    rows = pl.DataFrame(
        {
            "user_id": ["a", "b", "c", "c", "a", "b", "d"],
            "event_timestamp": [DAY + timedelta(days=d) for d in (0, 0, 0, 0, 1, 1, 1)],
            "is_fraud": [1, 0, 0, 1, 1, 0, 1],
            "score": [0.9, 0.1, 0.0, 0.8, 1.0, 0.5, 0.4],
        }
    )
    assert card_precision(rows, 2) == pytest.approx((2 / 2 + 1 / 2) / 2)


def test_calibration_of_true_probabilities_has_no_error() -> None:
    """The bins show what was predicted beside what happened."""
    rng = np.random.default_rng(1)
    probabilities = rng.random(100_000)
    figures = calibration_figures((rng.random(100_000) < probabilities).astype(int), probabilities)
    assert figures["expected_calibration_error"] < 0.01
    assert figures["brier"] == pytest.approx(1 / 6, abs=0.01)


def test_a_threshold_belongs_to_the_positive_side() -> None:
    """Two are called, one of them rightly, of two positives and two negatives."""
    figures = at_threshold(np.array([1, 0, 1, 0]), np.array([0.5, 0.7, 0.4, 0.1]), 0.5)
    assert figures == {
        "threshold": 0.5,
        "share": 0.5,
        "precision": 0.5,
        "recall": 0.5,
        "false_positive_rate": 0.5,
    }


def test_hits_count_up_to_k_and_gain_less_further_down() -> None:
    """Ranks 0, 1, beyond the list, and absent; the gain of the second place is 1 / log2(3)."""
    figures = hit_figures(np.array([0, 1, 20, np.inf]), 20)
    assert figures["hit_rate_at_20"] == 0.5
    assert figures["ndcg_at_20"] == pytest.approx((1 + 1 / np.log2(3)) / 4)
    assert figures["mrr_at_20"] == pytest.approx((1 + 1 / 2) / 4)


def test_lists_are_judged_by_what_they_show() -> None:
    """Three of four items, the most popular one in half of the places."""
    figures = list_figures(np.array([[0, 1], [0, 2]]), np.array([1, 0.5, 0.1, 0]))
    assert figures == {"coverage": 0.75, "popularity_of_shown": pytest.approx(0.65)}


def test_recall_is_what_few_false_alarms_allow() -> None:
    """Of four negatives a quarter may be called: the two positives above the second negative are found."""
    labels, scores = np.array([1, 0, 1, 0, 1, 0, 0]), np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.2, 0.1])
    assert recall_at_false_positive_rate(labels, scores, 0.25) == pytest.approx(2 / 3)
    assert recall_at_false_positive_rate(labels, scores, 0.2) == pytest.approx(1 / 3)


def test_a_fraud_model_is_judged_by_four_figures() -> None:
    """A perfect one finds its one customer among the hundred of the day."""
    rows = pl.DataFrame({"user_id": ["a", "b"], "event_timestamp": [DAY, DAY], "is_fraud": [1, 0]})
    assert fraud_figures(rows, np.array([0.9, 0.1])) == {
        "auc": 1,
        "average_precision": 1,
        "card_precision_at_100": 0.01,
        "recall_at_1_percent": 1,
    }
