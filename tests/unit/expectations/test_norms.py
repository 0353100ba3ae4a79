"""What days before let expect of a day."""

import numpy as np
import pytest

from expectations.norms import (
    Figure,
    expected_total,
    quantile_figures,
    silence_figure,
    volume_figures,
)
from expectations.profile import EMPTY, Profile
from expectations.settings import QualitySettings

SETTINGS = QualitySettings()
WEEK = (1.0, 0.93, 0.93, 0.97, 1.04, 1.14, 0.6)


def day_of(counts: np.ndarray, **figures: object) -> Profile:  # type: ignore[type-arg]
    """A day from its events per hour, spread over the minutes of each."""
    minutes = np.repeat(counts // 60, 60)
    minutes[::60] += counts % 60
    return Profile(int(counts.sum()), minutes, **figures)  # type: ignore[arg-type]


def days(number: int, an_hour: float = 100, growth: float = 1.005, seed: int = 7) -> list[Profile]:
    """A shop that grows, with a rhythm of the day and of the week."""
    random = np.random.default_rng(seed)
    rhythm = 1 + 0.8 * np.sin(np.arange(24) / 24 * 2 * np.pi)
    return [
        day_of(random.poisson(an_hour * WEEK[d % 7] * growth**d * rhythm)) for d in range(number)
    ]  # fmt: skip


def broken(figures: list[Figure]) -> set[str]:
    return {
        f.name
        for f in figures
        if (f.minimum is not None and f.value < f.minimum) or (f.maximum is not None and f.value > f.maximum)
    }


def test_the_day_expected_follows_the_week_and_the_growth() -> None:
    """Three weeks of 100 on weekdays and 40 on Sundays, each week a tenth larger."""
    week = np.array([100.0] * 6 + [40])
    totals = np.concatenate([week, week * 1.1, week * 1.21])
    assert expected_total(totals) == (pytest.approx(133.1), True)
    assert expected_total(totals[:-1]) == (pytest.approx(48.4), True)
    assert expected_total(totals[:5]) == (100, False)


@pytest.mark.parametrize("an_hour", [1, 10, 100, 1_000])
def test_clean_days_hardly_ever_alarm(an_hour: float) -> None:
    """Sixty days of shops of four sizes: at most one figure in a thousand."""
    history = days(88, an_hour)
    found = [volume_figures(history[d], history[d - 28 : d], 24, SETTINGS) for d in range(28, 88)]
    assert sum(len(broken(figures)) for figures in found) <= 0.001 * sum(map(len, found))


def test_an_outlier_among_the_days_before_changes_little() -> None:
    """A day of ten times the events a week ago."""
    history = days(29)
    history[21] = day_of(history[21].hours * 10)
    assert broken(volume_figures(history[28], history[:28], 24, SETTINGS)) == set()


def test_a_lost_partition_and_a_lost_hour_are_seen() -> None:
    """A quarter of the events missing breaks the day's bound, an hour without events its own."""
    history = days(29)
    quarter = day_of(history[28].hours * 3 // 4)
    assert "events" in broken(volume_figures(quarter, history[:28], 24, SETTINGS))
    hours = history[28].hours.copy()
    hours[8] = 0
    assert broken(volume_figures(day_of(hours), history[:28], 24, SETTINGS)) == {"events_08h"}


def test_an_hour_with_a_third_of_its_events_is_seen_though_they_come_in_bunches() -> None:
    """Events of visits, four at a time: some 250 in the hour."""
    history = [day_of(day.hours * 4) for day in days(29, an_hour=40)]
    hours = history[28].hours.copy()
    hours[6] = hours[6] * 3 // 10
    assert "events_06h" in broken(volume_figures(day_of(hours), history[:28], 24, SETTINGS))


def test_days_that_vary_more_than_their_hours_are_allowed_more() -> None:
    """Every other day a burst of a third more: the day after them is not judged by single events."""
    history = [day_of(day.hours * (4 if n % 4 < 2 else 3)) for n, day in enumerate(days(29, an_hour=10))]
    (total, *_) = volume_figures(history[28], history[:28], 24, SETTINGS)
    (steady, *_) = volume_figures(day_of(days(29)[28].hours), days(28), 24, SETTINGS)
    assert total.maximum is not None
    assert total.minimum is not None
    assert steady.maximum is not None
    assert steady.minimum is not None
    assert (total.maximum - total.minimum) / total.value > 2 * (
        steady.maximum - steady.minimum
    ) / steady.value


def test_another_time_zone_is_seen_in_the_hours() -> None:
    """The same day six hours later."""
    history = days(29)
    shifted = day_of(np.roll(history[28].hours, 6))
    assert len(broken(volume_figures(shifted, history[:28], 24, SETTINGS))) >= 6


def test_a_day_that_is_not_over_is_judged_by_its_hours_so_far() -> None:
    """Nothing behind noon is asked of it at noon; a silence of two hours before is seen."""
    history = days(29)
    noon = day_of(np.where(np.arange(24) < 12, history[28].hours, 0))
    figures = volume_figures(noon, history[:28], 12, SETTINGS)
    assert broken(figures) == set()
    assert len(figures) == 13
    assert not broken([silence_figure(noon, history[:28], 720, SETTINGS)])
    assert broken([silence_figure(noon, history[:28], 840, SETTINGS)]) == {"silent_minutes"}


def test_a_rare_event_may_be_silent_for_long() -> None:
    """Ten events a day say nothing about the last hours."""
    rare = [day_of(np.where(np.arange(24) == 8, 10, 0)) for _ in range(5)]
    assert not broken([silence_figure(EMPTY, rare, 1440, SETTINGS)])


def test_another_unit_moves_every_quantile() -> None:
    """Cents for euros is seen, a tenth more is not; zeros among the days before are no division by zero."""
    before = [day_of(np.full(24, 10), quantiles={"amount": {0.5: 30.0 + d, 0.1: 0.0}}) for d in range(5)]
    for factor, seen in ((100, {"amount_q50"}), (1.1, set()), (0.01, {"amount_q50"})):
        today = day_of(np.full(24, 10), quantiles={"amount": {0.5: 30.0 * factor, 0.1: 0.0}})
        assert broken(quantile_figures(today, before, SETTINGS)) == seen
