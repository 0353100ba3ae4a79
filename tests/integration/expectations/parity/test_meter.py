"""Served values against history, over a real Redis: what differs is found, and it is told why.

All times are minutes after noon; events are tolerated to be five seconds under way.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import polars as pl
import pytest

from expectations.parity.lag import Tolerated
from expectations.parity.meter import Question, measure
from expectations.parity.record import FeatureParity, ServiceParity, Standing
from tests.served_shop import SERVICE, ServedShop
from tests.services import RunningRedis
from tests.small_shop import NOON, order, write_table

SECOND = 1 / 60
"""In minutes."""
COUNT, SUM, MEAN, ON_DEMAND = (
    "user_orders_count_10m",
    "user_amount_sum_1h",
    "user_amount_mean_3h",
    "amount_above_mean",
)
projects = count()


@pytest.fixture
def shop(tmp_path: Path, redis_server: RunningRedis) -> Iterator[ServedShop]:
    """A customer with two orders, served and archived."""
    made = ServedShop(tmp_path, redis_server.address, f"parity{next(projects)}")
    write_table(tmp_path, "affinity", user_id=["a"], product_id=["x"], score=[0.5], event_timestamp=[at(-60)])
    made.store.materialize(at(-120), at(0), feature_views=["affinity"])
    made.happens(order("1", "a", 0, amount=10.0), order("2", "a", 1, amount=20.0))
    yield made
    made.close()


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def measured(shop: ServedShop) -> ServiceParity:
    shop.archives()
    question = Question([SERVICE], NOON - timedelta(hours=1), NOON + timedelta(days=1), None)
    tolerated = Tolerated(timedelta(seconds=5), timedelta(hours=26))
    run = measure(shop.store, shop.log, question, tolerated, now=lambda: datetime.now(UTC))
    (service,) = run.services
    return service


def of(service: ServiceParity, feature: str) -> FeatureParity:
    return next(one for one in service.features if one.feature == feature)


def standing(service: ServiceParity, feature: str) -> Standing:
    """That of the only value."""
    found = of(service, feature)
    assert found.compared == 1
    return Standing.EQUAL if found.example is None else found.example.standing


def test_what_was_served_in_time_is_equal(shop: ServedShop) -> None:
    """Every value of known and unknown customers, windows, tables and on-demand features."""
    shop.serves("a", at(2))
    shop.serves("nobody", at(2))
    service = measured(shop)
    assert service.records == 2
    assert service.compared == service.equal == 2 * len(service.features)
    assert service.equal_ratio == service.accounted_ratio == 1


def test_an_event_under_way_is_explained_by_lag(shop: ServedShop) -> None:
    """The order of a second ago is in the archive, and was not in Redis yet; so is what follows from it on demand."""
    shop.happens(order("3", "a", 2, amount=90.0), streamed=False)
    shop.serves("a", at(2 + SECOND))
    service = measured(shop)
    assert {standing(service, name) for name in (COUNT, SUM, MEAN, ON_DEMAND)} == {Standing.LAGGING}
    assert service.unexplained == 0
    assert of(service, SUM).largest_difference == 90.0


def test_an_event_that_never_came_makes_a_row_stale(shop: ServedShop) -> None:
    """Half a minute is too long, and nothing came since."""
    shop.happens(order("3", "a", 2), streamed=False)
    shop.serves("a", at(2.5))
    service = measured(shop)
    assert standing(service, COUNT) == standing(service, ON_DEMAND) == Standing.STALE


def test_a_skipped_event_is_a_difference(shop: ServedShop) -> None:
    """The order after it is there: no lag leaves out one in the middle."""
    shop.happens(order("3", "a", 2), streamed=False)
    shop.happens(order("4", "a", 2.2))
    shop.serves("a", at(2.5))
    service = measured(shop)
    assert standing(service, COUNT) == Standing.DIFFERENT


def test_an_older_event_that_came_after_a_newer_one_may_be_under_way(shop: ServedShop) -> None:
    """Of another partition: it happened before the newest event in the row, and arrived just now.

    happened   3 at 2.00              4 at 2.01
    arrived    3 at 2.5 - 1 s         4 at 2.01
    """
    shop.happens(order("3", "a", 2, late=0.5 - SECOND), streamed=False)
    shop.happens(order("4", "a", 2.01))
    shop.serves("a", at(2.5))
    service = measured(shop)
    assert standing(service, COUNT) == Standing.LAGGING


def test_a_partition_may_be_behind_the_others(shop: ServedShop) -> None:
    """Both of its orders are under way, while an order of another partition that came between them is in the row.

    partition 1      4 at 2.001         6 at 2.003
    partition 0 / 2            5 at 2.002          7 at 2.004 (under way, too)
    """
    for number, (partition, streamed) in enumerate([(1, False), (0, True), (1, False), (2, False)], 4):
        one = order(str(number), "a", 2 + (number - 3) / 1000, amount=10.0**number)
        shop.happens(one, streamed=streamed, partition=partition)
    shop.serves("a", at(2.01))
    service = measured(shop)
    assert standing(service, SUM) == Standing.LAGGING
    assert service.unexplained == 0


def test_of_one_partition_what_came_later_cannot_be_there_alone(shop: ServedShop) -> None:
    """A partition is read in its order: its first order was lost."""
    shop.happens(order("4", "a", 2.001, amount=100.0), streamed=False)
    shop.happens(order("5", "a", 2.002))
    shop.serves("a", at(2.01))
    assert standing(measured(shop), SUM) == Standing.DIFFERENT


def test_a_boundary_may_be_passed_a_moment_later(shop: ServedShop) -> None:
    """At 10 minutes the first order leaves the window of 10 minutes in Redis a second later; a minute later it is stale."""
    shop.serves("a", at(10 + SECOND))
    assert standing(measured(shop), COUNT) == Standing.LAGGING


def test_many_events_may_be_under_way_at_a_boundary(shop: ServedShop) -> None:
    """The boundary at 10 minutes is passed in time, but of a hundred orders of the second before the last twenty are not in it."""
    orders = [order(f"many{n}", "a", 10 - SECOND + SECOND * n / 200) for n in range(100)]
    shop.happens(*orders[:80])
    shop.passes(at(10))
    shop.happens(*orders[80:], streamed=False)
    shop.serves("a", at(10 + SECOND))
    service = measured(shop)
    assert standing(service, COUNT) == Standing.LAGGING
    assert service.unexplained == 0


def test_a_boundary_that_is_not_passed_makes_a_row_stale(shop: ServedShop) -> None:
    """Counts of long ago are served on."""
    shop.serves("a", at(12))
    assert standing(measured(shop), COUNT) == Standing.STALE


def test_a_passed_boundary_is_equal(shop: ServedShop) -> None:
    """The stream worker has pushed what left the window."""
    shop.passes(at(12))
    shop.serves("a", at(12))
    service = measured(shop)
    assert service.equal == service.compared


def test_a_wrong_stored_value_is_found_and_both_sides_told(shop: ServedShop) -> None:
    """Only that one; its example names the request, the customer and the row."""
    shop.pushes(user_amount_sum_1h=pl.col(SUM) + 0.01)
    shop.serves("a", at(2))
    service = measured(shop)
    assert (service.different, service.equal) == (1, service.compared - 1)
    example = of(service, SUM).example
    assert example is not None
    assert (example.served, example.recomputed) == (30.01, 30.0)
    assert (example.request_id, example.keys["user_id"]) == ("r0", "a")
    assert example.row_timestamp == at(1) + timedelta(microseconds=1)


def test_a_wrong_value_beside_a_lagging_row_is_still_found(shop: ServedShop) -> None:
    """Lag explains its neighbours, not itself."""
    shop.pushes(user_amount_sum_1h=pl.col(SUM) + 7)
    shop.happens(order("3", "a", 2), streamed=False)
    shop.serves("a", at(2 + SECOND))
    service = measured(shop)
    assert (standing(service, SUM), standing(service, COUNT)) == (Standing.DIFFERENT, Standing.LAGGING)


def test_an_on_demand_value_that_does_not_follow_from_its_inputs_is_a_difference(shop: ServedShop) -> None:
    """Another function ran, or another amount was asked."""
    shop.serves("a", at(2), amount_above_mean=1.0)
    service = measured(shop)
    assert (service.different, standing(service, ON_DEMAND)) == (1, Standing.DIFFERENT)


def test_what_did_not_come_from_the_store_is_not_compared(shop: ServedShop) -> None:
    """A remembered value is no fault of the pipeline; it is counted."""
    shop.serves("a", at(2), rung="remembered")
    shop.serves("a", at(2))
    service = measured(shop)
    assert service.compared == len(service.features)
    assert service.degraded == 2


def test_a_table_may_be_a_day_behind(shop: ServedShop, tmp_path: Path) -> None:
    """A row that is not materialized yet is lag; after 26 hours it is stale."""
    write_table(tmp_path, "affinity", user_id=["a"], product_id=["x"], score=[0.9], event_timestamp=[at(1)])
    shop.serves("a", at(2))
    assert standing(measured(shop), "score") == Standing.LAGGING
