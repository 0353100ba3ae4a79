import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from expectations.drift.measures import adjusted, chi_square, kolmogorov_smirnov, population_stability

Histogram = st.lists(st.integers(0, 1_000), min_size=2, max_size=12)


@given(Histogram)
def test_a_sample_is_stable_beside_itself(counts: list[int]) -> None:
    """The index of equal counts is 0."""
    assert population_stability(np.array(counts), np.array(counts)) == 0


def test_the_index_is_that_of_its_definition() -> None:
    """Sum of (q - p) ln(q / p); half an observation more in every bin, and less what chance brings."""
    before, now = np.array([5_000, 3_000, 2_000]), np.array([2_000, 3_000, 5_000])
    p, q = (before + 0.5) / 10_001.5, (now + 0.5) / 10_001.5
    plain = float(((q - p) * np.log(q / p)).sum())
    assert population_stability(before, now) == pytest.approx(plain - 2 * (2 / 10_000))


def test_chance_alone_makes_no_shift_of_small_samples() -> None:
    """Over many draws of one population the mean index stays near 0, and none is called moderate."""
    chance = np.random.default_rng(7)
    shares = np.full(10, 0.1)
    found = [
        population_stability(chance.multinomial(2_000, shares), chance.multinomial(200, shares))
        for _ in range(300)
    ]
    assert np.mean(found) < 0.02
    assert max(found) < 0.1


def test_an_empty_sample_is_no_shift() -> None:
    """It says nothing about a distribution."""
    assert population_stability(np.array([1, 2]), np.array([0, 0])) == 0


@given(st.lists(st.floats(0, 1), max_size=30))
def test_correction_is_benjamini_and_hochberg(p_values: list[float]) -> None:
    """Slowly: the smallest of p(j) m / j over the ranks j from its own on."""
    ranked, m = sorted(p_values), len(p_values)

    def slow(p: float) -> float:
        return min(min(1.0, ranked[j - 1] * m / j) for j in range(1, m + 1) if ranked[j - 1] >= p)

    assert adjusted(p_values) == pytest.approx([slow(p) for p in p_values])


def test_correction_keeps_the_share_of_false_ones() -> None:
    """Of 50 features that did not change none is called different in nearly every draw; uncorrected, half the draws had one."""
    chance = np.random.default_rng(7)
    draws = [chance.random(50) for _ in range(400)]
    assert np.mean([min(adjusted(p.tolist())) < 0.01 for p in draws]) < 0.03
    assert np.mean([p.min() < 0.01 for p in draws]) > 0.3


def test_numbers_are_tested_as_scipy_does() -> None:
    """The largest distance of the distribution functions, found slowly, is the statistic."""
    chance = np.random.default_rng(7)
    before, now = chance.normal(0, 1, 400), chance.normal(0.5, 1, 300)
    slow = max(abs(np.mean(before <= x) - np.mean(now <= x)) for x in [*before, *now])
    tested = kolmogorov_smirnov(before, now)
    assert tested.statistic == pytest.approx(slow)
    assert tested.p_value == pytest.approx(stats.ks_2samp(before, now, method="asymp").pvalue)
    assert tested.p_value < 1e-6


def test_categories_are_tested_for_independence() -> None:
    """As scipy does; Cramer's V is 1 where the categories tell the samples apart, 0 where they say nothing."""
    before, now = np.array([100, 200, 300]), np.array([150, 150, 150])
    expected = stats.chi2_contingency([before, now], correction=False)
    assert chi_square(before, now).p_value == pytest.approx(expected.pvalue)
    assert chi_square(np.array([100, 0]), np.array([0, 100])).statistic == pytest.approx(1)
    assert chi_square(before, before).statistic == 0


def test_rare_categories_are_taken_together() -> None:
    """Where single ones are expected, chi-square would find differences everywhere."""
    before, now = np.array([500, 500, *[1] * 20]), np.array([500, 500, *[0, 2] * 10])
    assert chi_square(before, now).p_value > 0.5


def test_one_category_says_nothing() -> None:
    """There is nothing to test."""
    assert chi_square(np.array([100, 0]), np.array([70, 0])).p_value == 1
