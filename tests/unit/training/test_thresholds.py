import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.settings import TrainingSettings
from training.thresholds import capacity_threshold, choose_thresholds, cost_threshold


def test_blocking_starts_where_both_mistakes_cost_the_same() -> None:
    """At 100 / (100 + 150) an order costs 60 either way."""
    threshold = cost_threshold(missed_cost=150, blocked_cost=100)
    assert threshold * 150 == pytest.approx((1 - threshold) * 100)


@given(st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.9]), min_size=1, max_size=50), st.integers(0, 60))
def test_no_more_orders_are_reviewed_than_people_can_look_at(scores: list[float], per_day: int) -> None:
    """Ties at the border included; and with the next lower score it would be too many."""
    probabilities = np.array(scores)
    threshold = capacity_threshold(probabilities, per_day, 1)
    assert (probabilities >= threshold).sum() <= per_day
    lower = probabilities[probabilities < threshold]
    assert not len(lower) or (probabilities >= lower.max()).sum() > per_day


def test_a_review_must_pay() -> None:
    """With capacity for all, MEDIUM starts where the review costs what it saves."""
    settings = TrainingSettings(fraud_review_cost=3, fraud_missed_cost=150, fraud_reviews_per_day=10_000)
    assert choose_thresholds(np.linspace(0, 1, 100), 1, settings).medium == pytest.approx(0.02)


def test_medium_is_never_above_high() -> None:
    """Even where nobody can review anything."""
    settings = TrainingSettings(fraud_reviews_per_day=0.001)
    thresholds = choose_thresholds(np.linspace(0, 1, 100), 1, settings)
    assert thresholds.medium == thresholds.high == pytest.approx(0.4)
