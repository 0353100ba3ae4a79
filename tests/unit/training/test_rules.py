import polars as pl
import pytest

from training.rules import rule_scores
from training.settings import TrainingSettings


@pytest.mark.parametrize(
    ("ratio", "of_user", "of_device", "score"),
    [(5.0, 0, 0, 1.0), (10.0, 2, 0, 2.0), (0.1, 2, 0, 1.0), (1.0, 0, 8, 3.0), (None, 0, 0, 1 / 3)],
)
def test_an_order_scores_by_the_limit_it_breaks_most(
    ratio: float | None, of_user: int, of_device: int, score: float
) -> None:
    """Five times the mean, or the third order in ten minutes, is at the limit."""
    rows = pl.DataFrame(
        {
            "amount_to_user_mean": [ratio],
            "user_orders_count_10m": [of_user],
            "device_orders_count_10m": [of_device],
        },
        schema_overrides={"amount_to_user_mean": pl.Float64},
    )
    assert rule_scores(rows, TrainingSettings())[0] == pytest.approx(score)
