"""Freshness told from what was served: for how long something had been missing in it. Minutes after noon."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from expectations.freshness.measure import from_log, overspent, targets
from expectations.freshness.record import ViewFreshness
from expectations.settings import QualitySettings
from tests.served_shop import ServedShop
from tests.services import RunningRedis
from tests.small_shop import NOON, order, write_table

SECOND = 1 / 60
projects = count()


@pytest.fixture
def shop(tmp_path: Path, redis_server: RunningRedis) -> Iterator[ServedShop]:
    """A customer with one order in Redis."""
    made = ServedShop(tmp_path, redis_server.address, f"freshness{next(projects)}")
    write_table(
        tmp_path,
        "affinity",
        user_id=["a"],
        product_id=["x"],
        score=[0.5],
        event_timestamp=[NOON - timedelta(hours=1)],
    )
    made.happens(order("1", "a", 0))
    yield made
    made.close()


def measured(shop: ServedShop, **settings: object) -> tuple[ViewFreshness, list[str]]:
    shop.archives()
    own = QualitySettings(data_dir=shop.folder / "data", **settings)
    run = from_log(shop.store, targets(shop.store, own), own, NOON, NOON + timedelta(hours=1))
    return next(view for view in run.views if view.view == "user_orders"), list(overspent(run))


def test_a_row_that_misses_nothing_is_fresh_however_old(shop: ServedShop) -> None:
    """The customer has not ordered for half an hour."""
    shop.serves("a", NOON + timedelta(minutes=30))
    view, missed = measured(shop)
    assert (view.source, view.observations, view.p99_seconds) == ("log", 1, 0.0)
    assert missed == []


def test_what_is_missing_makes_a_row_as_old_as_that(shop: ServedShop) -> None:
    """The oldest order that is not in it happened 12 s ago."""
    shop.happens(order("2", "a", 1), order("3", "a", 1.1), streamed=False)
    shop.serves("a", NOON + timedelta(minutes=1, seconds=12))
    view, missed = measured(shop)
    assert view.p99_seconds == pytest.approx(12)
    assert missed == ["user_orders"]


def test_a_view_may_be_promised_less(shop: ServedShop) -> None:
    """Its own target is held instead of the usual one."""
    shop.happens(order("2", "a", 1), streamed=False)
    shop.serves("a", NOON + timedelta(minutes=1, seconds=12))
    view, missed = measured(shop, freshness_targets={"user_orders": 20.0})
    assert (view.target_seconds, missed) == (20.0, [])


def test_an_event_that_had_not_arrived_is_not_missed(shop: ServedShop) -> None:
    """It reaches us a minute late."""
    shop.happens(order("2", "a", 1, late=1), streamed=False)
    shop.serves("a", NOON + timedelta(minutes=1, seconds=12))
    assert measured(shop)[0].p99_seconds == 0.0
