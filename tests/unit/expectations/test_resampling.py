import numpy as np
import polars as pl

from expectations.resampling import Statistic, over_customers
from training.metrics import ranking_figures


def precision(labels: np.ndarray, **scores: np.ndarray) -> Statistic:
    """Average precision of each score."""
    return lambda often: {
        name: ranking_figures(labels, values, often)["average_precision"] for name, values in scores.items()
    }


def test_customers_are_drawn_with_all_their_rows() -> None:
    """The same rows of fewer customers say less: the interval is wider."""
    rng = np.random.default_rng(1)
    labels = np.repeat(rng.random(400) < 0.2, 5).astype(int)
    statistic = precision(labels, model=labels + rng.normal(0, 1, 2_000))
    rows = np.arange(2_000)
    apart = over_customers(pl.Series(rows), statistic, draws=60, seed=1)["model"]
    together = over_customers(pl.Series(rows // 100), statistic, draws=60, seed=1)["model"]
    assert together["high"] - together["low"] > apart["high"] - apart["low"]


def test_a_difference_is_surer_than_what_it_is_between() -> None:
    """Both scores see the same draws; the better one is better in every draw."""
    rng = np.random.default_rng(1)
    labels = (rng.random(4_000) < 0.1).astype(int)
    noise = rng.normal(0, 1, 4_000)
    both = precision(labels, worse=labels + noise, better=1.5 * labels + noise)

    def statistic(often: np.ndarray) -> dict[str, float]:
        found = both(often)
        return found | {"gain": found["better"] - found["worse"]}

    found = over_customers(pl.Series(np.arange(4_000)), statistic, draws=50, seed=1)
    assert found["gain"]["low"] > 0
    widths = {name: interval["high"] - interval["low"] for name, interval in found.items()}
    assert widths["gain"] < widths["worse"]


def test_draws_without_a_figure_are_left_out() -> None:
    """Where none has one, there is no interval."""

    def never(_: np.ndarray) -> dict[str, float]:
        raise ValueError("one label only")

    assert over_customers(pl.Series([1, 2, 3]), never, draws=5, seed=1) == {}
