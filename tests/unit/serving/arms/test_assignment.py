"""Customers are spread over arms evenly, for ever, and independently between experiments."""

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chisquare, kstest

from serving.arms.assignment import is_challenged, position

USERS = [f"user_{i:06}" for i in range(50_000)]


def challenged(salt: str, share: float) -> npt.NDArray[np.bool_]:
    return np.array([is_challenged(salt, share, user) for user in USERS])


def test_a_customer_stays_in_an_arm_for_ever() -> None:
    """Written down once: a release that changes it would mix the arms of every experiment."""
    places = [round(position("a", user), 6) for user in ("user_1", "user_2", "é", "")]
    assert places == [0.020672, 0.414047, 0.593383, 0.803294]


def test_another_process_says_the_same() -> None:
    """Python's own hash would not."""
    code = "from serving.arms.assignment import position; print(position('a', 'user_1'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(said) == position("a", "user_1")


@pytest.mark.parametrize("share", [0.001, 0.05, 0.1, 0.5])
@pytest.mark.parametrize("salt", ["a", "b", "rank-by-sessions"])
def test_the_share_is_what_was_asked_for(salt: str, share: float) -> None:
    """Within four standard deviations of 50,000 draws."""
    off = abs(challenged(salt, share).mean() - share)
    assert off < 4 * np.sqrt(share * (1 - share) / len(USERS))


def test_positions_are_even() -> None:
    """Kolmogorov and Smirnov see no difference to draws from [0, 1)."""
    places = [position("even", user) for user in USERS]
    assert kstest(places, "uniform").pvalue > 0.001
    assert 0 <= min(places) < max(places) < 1


def test_experiments_are_independent() -> None:
    """Knowing the arm of one experiment says nothing about another: four cells as full as chance makes them."""
    one, other = challenged("a", 0.3), challenged("b", 0.5)
    cells = np.bincount(2 * one + other, minlength=4)
    expected = len(USERS) * np.outer([0.7, 0.3], [0.5, 0.5]).ravel()
    assert chisquare(cells, expected).pvalue > 0.001


def test_salts_and_users_that_join_to_the_same_text_are_told_apart() -> None:
    """("ab", "c") is not ("a", "bc")."""
    assert position("ab", "c") != position("a", "bc")


def test_a_share_that_grows_keeps_its_customers() -> None:
    """Nobody changes from the challenger back to the champion."""
    assert not (challenged("a", 0.1) & ~challenged("a", 0.2)).any()


def test_an_id_that_is_no_text_has_a_place() -> None:
    """A lone surrogate cannot be encoded as UTF-8."""
    assert 0 <= position("a", "\ud800") < 1
