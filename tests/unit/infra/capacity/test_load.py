"""Loads are refused with the value and the way out, and say how many entities come."""

from typing import Any

import pytest

from infra.capacity.errors import CapacityError
from infra.capacity.load import Load, different
from tests.unit.infra.capacity.small import DAY, DEFINITIONS, PRODUCT_VIEWS, USER_ORDERS

GIVEN: dict[str, Any] = {
    "peak_events": 100.0,
    "mean_events": 50.0,
    "users": 1_000.0,
    "active_users": 100.0,
    "products": 10.0,
    "shares": {"orders": 0.1, "page_views": 0.9},
}


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"peak_events": -1.0}, "--peak-events -1: give 0 or more"),
        ({"users": 0.0}, "--users 0: give 1 or more"),
        ({"users": float("nan")}, "--users nan"),
        ({"mean_events": 200.0}, "--mean-events 200 is above --peak-events 100.*raise --peak-events"),
        ({"active_users": 2_000.0}, "--active-users 2000 is above --users 1000"),
        ({"shares": {"orders": 2.0}}, "--share orders=2: a share lies between 0 and 1"),
        ({"populations": {"device_id": 0.0}}, "--population device_id=0"),
    ],
)
def test_a_wrong_load_names_value_and_way_out(wrong: dict[str, Any], told: str) -> None:
    """Before anything is calculated."""
    with pytest.raises(CapacityError, match=told):
        Load(**GIVEN | wrong)


@pytest.mark.parametrize(
    ("shares", "told"),
    [
        ({"orders": 1.0}, "no share of the events is known for topic 'page_views'.*give --share page_views="),
        ({"orders": 0.5, "page_views": 0.1}, "make 0.6 together, they must make 1"),
        ({"orders": 0.1, "page_views": 0.8, "carts": 0.1}, "--share carts: no such topic; there are orders"),
    ],
)
def test_shares_are_those_of_the_registered_topics(shares: dict[str, float], told: str) -> None:
    """Nobody calculates with part of the events."""
    with pytest.raises(CapacityError, match=told):
        Load(**GIVEN | {"shares": shares}).check(DEFINITIONS)


def test_many_draws_show_everybody_and_few_draws_hardly_anybody_twice() -> None:
    """The expected number of different ones."""
    assert different(100, 10_000) == pytest.approx(100)
    assert different(1e9, 100) == pytest.approx(100, rel=1e-6)
    assert different(100, 100) == pytest.approx(63.2, abs=0.1)


def test_entities_are_bounded_by_who_comes() -> None:
    """A tenth of the customers on a day, more of them in a month; all products at once."""
    load = Load(**GIVEN)
    assert load.entities(USER_ORDERS, DAY, 1_000) == pytest.approx(100)
    assert load.entities(USER_ORDERS, 30 * DAY, 1_000) == pytest.approx(1_000 * (1 - 0.9**30))
    assert load.entities(PRODUCT_VIEWS, DAY, 1_000) == pytest.approx(10)


def test_ten_times_the_load_has_the_same_products() -> None:
    """People and events grow, what is sold does not."""
    grown = Load(**GIVEN, populations={"device_id": 5.0}).times(10)
    assert (grown.peak_events, grown.users, grown.products) == (1_000, 10_000, 10)
    assert grown.populations == {"device_id": 50}
    with pytest.raises(CapacityError, match="--times 0: give a factor above 0"):
        Load(**GIVEN).times(0)
