import numpy as np
import polars as pl
import pytest

from training.confidence import over_customers, over_folds


def test_folds_give_students_interval() -> None:
    """Of 1, 2, 3: 2 and 4.303 standard errors of 1 / sqrt(3) to each side; of one fold nothing to each side."""
    interval = over_folds([{"auc": 1.0}, {"auc": 2.0}, {"auc": 3.0}])["auc"]
    assert interval["mean"] == 2
    assert interval["high"] - 2 == pytest.approx(4.3027 / np.sqrt(3), rel=1e-4)
    assert over_folds([{"auc": 0.7}])["auc"] == {"mean": 0.7, "low": 0.7, "high": 0.7}


def test_customers_are_drawn_with_all_their_rows() -> None:
    """The same rows of fewer customers say less: the interval is wider."""
    rng = np.random.default_rng(1)
    labels = np.repeat(rng.random(400) < 0.2, 5).astype(int)
    scores = {"model": labels + rng.normal(0, 1, 2_000)}
    apart = over_customers(labels, scores, pl.Series(np.arange(2_000)), draws=60, seed=1)["model"]
    together = over_customers(labels, scores, pl.Series(np.arange(2_000) // 100), draws=60, seed=1)["model"]
    assert together["high"] - together["low"] > apart["high"] - apart["low"]


def test_a_difference_is_surer_than_what_it_is_between() -> None:
    """Both scores see the same draws; the better one is better in every draw."""
    rng = np.random.default_rng(1)
    labels = (rng.random(4_000) < 0.1).astype(int)
    noise = rng.normal(0, 1, 4_000)
    found = over_customers(
        labels,
        {"worse": labels + noise, "better": 1.5 * labels + noise},
        pl.Series(np.arange(4_000)),
        draws=50,
        seed=1,
    )
    assert set(found) == {"worse", "better", "better - worse"}
    assert found["better - worse"]["low"] > 0
    assert (
        found["worse"]["high"] - found["worse"]["low"]
        > found["better - worse"]["high"] - found["better - worse"]["low"]
    )
