"""Error budgets and burn rates."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from expectations.freshness.objective import SCHEMA, Target, held_against, quantile

NOW = datetime(2026, 4, 24, 8, tzinfo=UTC)
TARGET = Target("user_orders", seconds=1.0, objective=0.99)
HOUR = timedelta(hours=1)


def observed(*rows: tuple[datetime, float, float, int], view: str = "user_orders") -> pl.DataFrame:
    return pl.DataFrame([(view, *row) for row in rows], schema=SCHEMA, orient="row")


def test_half_of_the_allowed_misses_leaves_half_of_the_budget() -> None:
    """5 of 1,000 are beyond the promise, 10 may be."""
    view = held_against(TARGET, observed((NOW, 0.1, 0.1, 995), (NOW, 2.0, 2.5, 5)), "stream", NOW)
    assert (view.observations, view.missed) == (1_000, 5)
    assert view.budget_remaining == pytest.approx(0.5)
    assert view.held


def test_a_budget_can_be_overspent() -> None:
    """3 % of misses are three budgets."""
    view = held_against(TARGET, observed((NOW, 0.1, 0.1, 97), (NOW, 2.0, 2.0, 3)), "log", NOW)
    assert view.budget_remaining == pytest.approx(-2)
    assert not view.held


def test_burn_rates_are_told_over_windows() -> None:
    """All misses were two hours ago: the last hour burns nothing."""
    found = observed((NOW - HOUR / 2, 0.1, 0.1, 100), (NOW - 2 * HOUR, 2.0, 2.0, 100))
    view = held_against(TARGET, found, "stream", NOW, windows=(HOUR, 6 * HOUR))
    assert [(burn.hours, burn.rate) for burn in view.burns] == [(1, 0), (6, pytest.approx(50))]


def test_other_views_do_not_count() -> None:
    """And without observations nothing is spent."""
    view = held_against(TARGET, observed((NOW, 9.0, 9.0, 7), view="user_views"), "stream", NOW)
    assert (view.observations, view.p99_seconds, view.budget_remaining) == (0, None, 1)


def test_a_step_is_beyond_the_promise_only_as_a_whole() -> None:
    """Of observations between 0.81 and 1.01 s nobody knows; those between 1.01 and 1.26 s are."""
    view = held_against(TARGET, observed((NOW, 0.81, 1.01, 1), (NOW, 1.01, 1.26, 1)), "stream", NOW)
    assert view.missed == 1


def test_quantiles_lie_within_their_step() -> None:
    """Linear between its bounds."""
    found = observed((NOW, 0.0, 1.0, 50), (NOW, 1.0, 3.0, 50))
    assert quantile(found, 0.25) == pytest.approx(0.5)
    assert quantile(found, 0.75) == pytest.approx(2.0)
