"""What chance does to shares: counts that single rows make, and rows that come in bunches."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from expectations.chance import Counted, pooled, scatter, tolerated
from expectations.settings import QualitySettings

SETTINGS = QualitySettings()
LEVEL = SETTINGS.share_chance_max
ROWS = st.integers(1, 20_000)


def days(random: np.random.Generator, number: int, rows: int, share: float) -> list[Counted]:
    """Days of so many rows, of which each has it with that probability."""
    return [Counted(int(found), rows) for found in random.binomial(rows, share, number)]


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32), number=st.integers(3, 28), of_day=ROWS, rows=ROWS, share=st.floats(0, 1))
def test_chance_hardly_ever_passes_a_bound(
    seed: int, number: int, of_day: int, rows: int, share: float
) -> None:
    """Whatever history was drawn, the probability that a day of the same share is beyond what it lets expect is small."""
    history = pooled(days(np.random.default_rng(seed), number, of_day, share), LEVEL)
    (low,), (high,) = scatter(history, np.array([float(rows)]), LEVEL)
    below = binom.cdf(np.ceil(low * rows - 1e-9) - 1, rows, share)
    above = binom.sf(np.floor(high * rows + 1e-9), rows, share)
    assert below + above <= 1e-4


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_a_large_day_is_held_narrowly(share: float) -> None:
    """Within two in a hundred of the share of four weeks."""
    history = pooled(days(np.random.default_rng(3), 28, 20_000, share), LEVEL)
    (low,), (high,) = scatter(history, np.array([20_000.0]), LEVEL)
    assert high - low < 0.04


def test_rows_that_come_in_bunches_are_allowed_more() -> None:
    """A burst of thirty rows every third day: the same rows one by one let expect much less of a small day."""
    small = np.array([600.0])
    bunched = pooled([Counted(30 * (day % 3 == 0), 3_000) for day in range(28)], LEVEL)
    single = pooled([Counted(10, 3_000)] * 28, LEVEL)
    assert bunched.bunch > 10 * single.bunch
    assert scatter(bunched, small, LEVEL)[1] > 60 / 600
    assert scatter(single, small, LEVEL)[1] < 30 / 600


def test_a_day_on_which_something_was_wrong_is_left_out() -> None:
    """Yesterday nothing was filled: today may not be like it."""
    usual = days(np.random.default_rng(5), 27, 3_000, 0.01)
    history = pooled([*usual, Counted(3_000, 3_000)], LEVEL)
    assert history.rows == 27 * 3_000
    assert scatter(history, np.array([3_000.0]), LEVEL)[1] < 0.05


@pytest.mark.parametrize("rows", [1, 20, 100, 600, 20_000])
@pytest.mark.parametrize("share", [0.001, 0.01, 0.05])
def test_a_batch_of_few_rows_may_have_more_than_its_share(rows: int, share: float) -> None:
    """Where a share of all rows is bad, hardly any batch is refused; three times the share of many rows is."""
    allowed = tolerated(share, rows, SETTINGS)
    assert binom.sf(np.floor(allowed * rows), rows, share) <= LEVEL
    assert rows < 20_000 or allowed < 3 * share


def test_where_nothing_is_tolerated_nothing_is() -> None:
    """Nor is a batch of unknown size given more than its share."""
    assert tolerated(0, 600, SETTINGS) == 0
    assert tolerated(0.05, None, SETTINGS) == 0.05
