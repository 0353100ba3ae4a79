"""Looking at an experiment every day must not find what is not there."""

import numpy as np
import pytest

from training.sequential import Difference, Outcomes, compare

LOOKS = sorted(set(np.geomspace(20, 10_000, 100).astype(int).tolist()))
"""From the twentieth customer to the last, closer together at the start."""


def decisions(champion: float, challenger: float, *, share: float, effect: float, runs: int) -> float:
    """Share of simulated experiments that are ever decided, looked at again and again."""
    chance = np.random.default_rng(3)
    return float(np.mean([_ever_decided(chance, champion, challenger, share, effect) for _ in range(runs)]))


def _ever_decided(
    chance: np.random.Generator, champion: float, challenger: float, share: float, effect: float
) -> bool:
    challenged = chance.random(LOOKS[-1]) < share
    happened = chance.random(LOOKS[-1]) < np.where(challenged, challenger, champion)
    units, all_happened, ours = challenged.cumsum(), happened.cumsum(), (happened & challenged).cumsum()
    return any(
        compare(
            Outcomes(int(n - units[n - 1]), int(all_happened[n - 1] - ours[n - 1])),
            Outcomes(int(units[n - 1]), int(ours[n - 1])),
            effect=effect,
        ).decided
        for n in LOOKS
    )


@pytest.mark.parametrize(
    ("rate", "share", "effect"), [(0.02, 0.5, 0.01), (0.02, 0.1, 0.05), (0.2, 0.5, 0.02), (0.2, 0.05, 0.1)]
)
def test_a_hundred_looks_find_nothing_where_nothing_is(rate: float, share: float, effect: float) -> None:
    """At most 5 % of equal arms are ever decided; 400 runs of true 5 % stay below 7.7 % in 99 of 100 draws."""
    assert decisions(rate, rate, share=share, effect=effect, runs=400) <= 0.077


def test_an_ordinary_interval_would_find_something() -> None:
    """The simulation can fail: bounds of 1.96 standard errors are left by a third of equal arms."""
    chance, wrong = np.random.default_rng(3), 0
    for _ in range(200):
        challenged = chance.random(LOOKS[-1]) < 0.5
        happened = chance.random(LOOKS[-1]) < 0.2
        units, ours = challenged.cumsum()[np.array(LOOKS) - 1], (happened & challenged).cumsum()
        after = ours[np.array(LOOKS) - 1] / units
        before = (happened.cumsum() - ours)[np.array(LOOKS) - 1] / (LOOKS - units)
        errors = np.sqrt(after * (1 - after) / units + before * (1 - before) / (LOOKS - units))
        wrong += bool((np.abs(after - before) > 1.96 * errors).any())
    assert wrong / 200 > 0.2


@pytest.mark.parametrize(
    ("champion", "challenger", "share"), [(0.2, 0.25, 0.5), (0.05, 0.03, 0.5), (0.2, 0.3, 0.1)]
)
def test_a_difference_of_the_size_looked_for_is_found(
    champion: float, challenger: float, share: float
) -> None:
    """Within ten thousand customers, in at least nine of ten experiments."""
    assert decisions(champion, challenger, share=share, effect=abs(challenger - champion), runs=100) >= 0.9


def test_the_bounds_and_the_p_value_agree() -> None:
    """0 lies on a bound where the p-value is 0.05: both say the same."""
    for successes in range(100, 200):
        found = compare(Outcomes(1_000, 100), Outcomes(1_000, successes), effect=0.02)
        assert found.decided == (found.p_value < 0.05)


def test_without_units_nothing_is_known() -> None:
    """The bounds hold every difference there may be."""
    found = compare(Outcomes(0, 0), Outcomes(0, 0), effect=0.02)
    assert isinstance(found, Difference)
    assert found.low < -1
    assert found.high > 1
    assert found.p_value == 1
    assert Outcomes(0, 0).rate is None


def test_arms_without_any_success_are_not_certain() -> None:
    """None of 50 is not a rate of 0."""
    assert not compare(Outcomes(50, 0), Outcomes(50, 2), effect=0.02).decided
