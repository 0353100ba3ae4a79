"""From a probability to LOW, MEDIUM or HIGH: what a mistake costs, and how many orders people can look at."""

from typing import Any

import numpy as np
import numpy.typing as npt

from artefact import Thresholds
from training.settings import TrainingSettings


def cost_threshold(*, missed_cost: float, blocked_cost: float) -> float:
    """Probability from which blocking costs less than letting through: p * missed > (1 - p) * blocked."""
    return blocked_cost / (blocked_cost + missed_cost)


def capacity_threshold(probabilities: npt.NDArray[np.floating[Any]], per_day: float, days: float) -> float:
    """Lowest threshold at which not more than ``per_day`` orders a day lie at or above it.

    Args:
        probabilities: Scores of all orders of ``days`` days.
        per_day: Orders that can be looked at in a day.
        days: Length of the time the orders come from.
    """
    capacity = int(per_day * days)
    descending = np.sort(probabilities)[::-1]
    if capacity >= len(descending):
        return 0.0
    # Ties at the border would exceed the capacity: step above them.
    return float(np.nextafter(descending[capacity], 2))


def choose_thresholds(
    probabilities: npt.NDArray[np.floating[Any]], days: float, settings: TrainingSettings
) -> Thresholds:
    """HIGH where blocking pays; MEDIUM where a review pays and people can keep up, never above HIGH."""
    high = cost_threshold(missed_cost=settings.fraud_missed_cost, blocked_cost=settings.fraud_blocked_cost)
    review_pays = settings.fraud_review_cost / settings.fraud_missed_cost
    keep_up = capacity_threshold(probabilities, settings.fraud_reviews_per_day, days)
    return Thresholds(medium=min(high, max(review_pays, keep_up)), high=high)
