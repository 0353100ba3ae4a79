"""The simulated shop: repeatable, whole, in the columns of the contracts, with the troubles that it says."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from ingestion.events.contract import Contract
from ingestion.events.simulator import History, LiveEvents, Shop, ShopConfig

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAYS = timedelta(days=20)
SMALL = ShopConfig(present=NOW, customers=600, products=200)


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop(SMALL, seed=3)


@pytest.fixture(scope="module")
def history(shop: Shop) -> History:
    return shop.history(NOW - DAYS, NOW)


@pytest.fixture(scope="module")
def live(shop: Shop) -> LiveEvents:
    return shop.live(NOW, timedelta(seconds=10), 1000)


@pytest.fixture(scope="module")
def contracts() -> dict[str, Contract]:
    """The contracts as registered; importing the definitions costs seconds, so once."""
    from feature_repo import batch_views, events

    assert batch_views.user_profile.name == "user_profile"
    return {
        kind.name: Contract.from_json_schema(kind.name, kind.schema, "event_timestamp", kind.event_id)
        for kind in (events.orders, events.page_views, events.chargebacks)
    }


def unique(history: History) -> pl.DataFrame:
    return history.orders.unique("order_id", keep="first", maintain_order=True)


@pytest.mark.parametrize("topic", ["orders", "page_views", "chargebacks"])
def test_history_has_the_columns_of_the_contract(
    history: History, contracts: dict[str, Contract], topic: str
) -> None:
    """Names, order and types, so that it can be archived beside what arrives over Kafka."""
    assert history.archives[topic].schema == contracts[topic].polars_schema()


@pytest.mark.parametrize("topic", ["orders", "page_views", "chargebacks"])
def test_history_keeps_the_contract(history: History, contracts: dict[str, Contract], topic: str) -> None:
    """Encoded and decoded again, no row is refused and none changes."""
    frame = history.archives[topic]
    decoded = contracts[topic].decode(
        contracts[topic].encode(frame), frame["arrival_timestamp"].to_physical().to_numpy()
    )
    assert decoded.rejected == []
    assert decoded.frame.equals(frame)


def test_tables_have_the_columns_of_their_views(shop: Shop) -> None:
    """Each row says since when it holds, and nothing is from the future."""
    from feature_repo import batch_views

    for view in (batch_views.user_profile, batch_views.product_catalogue):
        table = shop.tables(NOW)[view.name]
        expected = {field.name for field in view.schema} | {"event_timestamp", "created_timestamp"}
        assert set(table.columns) == expected
        assert table["event_timestamp"].max() <= NOW


def test_tables_change_with_time(shop: Shop) -> None:
    """Customers register, are verified; products run out: later there are more rows, the earlier ones stay."""
    for name, now in shop.tables(NOW).items():
        before = shop.tables(NOW - DAYS)[name]
        assert 0 < before.height < now.height
        assert before.join(now, on=now.columns, how="anti").is_empty()


def test_the_same_seed_gives_the_same_events(history: History, live: LiveEvents) -> None:
    """To the last byte, in another world object."""
    again = Shop(SMALL, seed=3)
    assert again.history(NOW - DAYS, NOW).orders.equals(history.orders)
    assert again.live(NOW, timedelta(seconds=10), 1000).payloads == live.payloads


def test_another_seed_gives_others(history: History) -> None:
    """Other customers order other things."""
    other = Shop(SMALL, seed=4).history(NOW - DAYS, NOW)
    assert not other.orders["product_id"].head(1000).equals(history.orders["product_id"].head(1000))


def test_a_part_of_the_history_is_the_same_part(shop: Shop, history: History) -> None:
    """What is asked for around it changes nothing.

    ::

        |-------------- history --------------|
                    |-- part --|
    """
    start, end = NOW - timedelta(days=5, hours=7), NOW - timedelta(days=3)
    inside = [
        frame.filter(
            pl.col("event_timestamp").is_between(start, end, closed="left"), pl.col("arrival_timestamp") < end
        )
        for frame in (history.orders, history.page_views)
    ]
    part = shop.history(start, end)
    assert part.orders.equals(inside[0])
    assert part.page_views.equals(inside[1])
    assert part.chargebacks.join(history.chargebacks, on=part.chargebacks.columns, how="anti").is_empty()


def test_history_is_what_had_arrived_by_its_end(history: History) -> None:
    """Half-open in event time and in arrival; in the order of arrival; never before its event."""
    for frame in history.archives.values():
        assert frame["event_timestamp"].min() >= NOW - DAYS
        assert frame["arrival_timestamp"].max() < NOW
        assert frame["arrival_timestamp"].is_sorted()
        assert (frame["arrival_timestamp"] >= frame["event_timestamp"]).all()


def test_event_ids_are_unique_but_for_repeated_arrivals(history: History) -> None:
    """A repeated row is the same event with another arrival; their share is small."""
    for topic, key in (("orders", "order_id"), ("page_views", "view_id"), ("chargebacks", "chargeback_id")):
        frame = history.archives[topic].drop("arrival_timestamp")
        assert frame.unique().height == frame[key].n_unique()
    repeats = history.page_views.height - history.page_views["view_id"].n_unique()
    assert 0.002 < repeats / history.page_views.height < 0.006


def test_one_order_in_a_hundred_is_fraud_of_each_kind(history: History) -> None:
    """All four scenarios, each a visible share; only in the ground truth."""
    share = history.ground_truth.height / unique(history).height
    assert 0.006 < share < 0.018
    kinds = history.ground_truth["scenario"].value_counts(normalize=True)
    assert sorted(kinds["scenario"]) == [
        "account_takeover",
        "card_testing",
        "compromised_product",
        "large_amount",
    ]
    assert kinds["proportion"].min() > 0.05


def test_chargebacks_name_frauds_that_are_1_to_20_days_old(history: History) -> None:
    """Their time is when it becomes known; what becomes known after the end is not there."""
    joined = history.chargebacks.join(history.ground_truth, on="order_id", suffix="_order")
    assert joined.height == history.chargebacks.height > 0
    delay = joined["event_timestamp"] - joined["event_timestamp_order"]
    assert timedelta(days=1) <= delay.min() < delay.max() <= timedelta(days=20)
    assert history.chargebacks["order_id"].n_unique() < history.ground_truth.height


def test_takeover_is_a_burst_from_a_new_device(history: History) -> None:
    """Several orders of one customer within half an hour from a device that nobody else has."""
    takeover = history.ground_truth.filter(scenario="account_takeover")
    bursts = takeover.group_by("device_id").agg(
        pl.col("user_id").n_unique(),
        pl.len(),
        pl.col("event_timestamp").max() - pl.col("event_timestamp").min(),
    )
    assert (bursts["user_id"] == 1).all()
    assert bursts["event_timestamp"].max() <= timedelta(minutes=30)
    assert bursts["len"].median() >= 3


def test_card_testing_is_one_device_with_many_customers(history: History) -> None:
    """Tiny amounts within minutes."""
    tests = history.ground_truth.filter(scenario="card_testing")
    bursts = tests.group_by("device_id").agg(pl.col("user_id").n_unique(), pl.col("amount").max())
    assert bursts["user_id"].min() >= 10
    assert bursts["amount"].max() <= 5


def test_compromised_products_are_few_and_stay_so_for_weeks(history: History) -> None:
    """Their frauds are concentrated: what a window over chargebacks can see."""
    frauds = history.ground_truth.filter(scenario="compromised_product")
    assert frauds["product_id"].n_unique() <= 20
    spans = frauds.group_by("product_id").agg(
        pl.col("event_timestamp").max() - pl.col("event_timestamp").min()
    )
    assert spans["event_timestamp"].max() > timedelta(days=7)


def test_orders_follow_views_of_the_same_visit(history: History) -> None:
    """Purchase intent: the product was put into the cart before, in the same session, by the same customer."""
    views = history.page_views.filter(pl.col("cart_quantity") > 0)
    orders = unique(history).filter(pl.col("session_id").is_not_null())
    keys = ["session_id", "user_id", "product_id"]
    seen = orders.join(views.group_by(keys).agg(pl.col("event_timestamp").min().alias("carted")), on=keys)
    assert seen.height > 0.97 * orders.height
    assert (seen["carted"] < seen["event_timestamp"]).all()


def test_nobody_acts_before_registering(shop: Shop, history: History) -> None:
    """Every event of a customer is after the registration in the shop's table."""
    signup = (
        shop.tables(NOW)["user_profile"]
        .group_by("user_id")
        .agg(pl.col("event_timestamp").min().alias("since"))
    )
    joined = history.page_views.join(signup, on="user_id", how="left")
    assert (joined["since"] <= joined["event_timestamp"]).all()


def test_live_messages_arrive_evenly(live: LiveEvents) -> None:
    """Exactly as many as asked for, from the start on, never twice at once."""
    assert len(live) == live.counts.total == 10_000
    arrivals = pl.Series(live.arrivals_us)
    assert arrivals[0] == int(NOW.timestamp() * 1e6)
    assert arrivals.diff().drop_nulls().unique().to_list() == [1000]


def decoded(live: LiveEvents, contracts: dict[str, Contract]) -> dict[str, Any]:
    parts = {}
    for topic, contract in contracts.items():
        here = [i for i, name in enumerate(live.topics) if name == topic]
        parts[topic] = contract.decode([live.payloads[i] for i in here], live.arrivals_us[here])
    return parts


def test_live_counts_are_what_a_contract_counts(live: LiveEvents, contracts: dict[str, Contract]) -> None:
    """Messages, valid ones, and refusals by kind."""
    parts = decoded(live, contracts)
    kinds = Counter(refused.kind for part in parts.values() for refused in part.rejected)
    assert kinds == Counter(live.counts.malformed)
    assert sum(kinds.values()) == 40
    assert live.counts.valid == live.counts.total - 40
    assert live.counts.by_topic == {
        topic: (part.frame.height + len(part.rejected), part.frame.height) for topic, part in parts.items()
    }


def test_live_counts_of_late_and_repeated_events_are_exact(
    live: LiveEvents, contracts: dict[str, Contract]
) -> None:
    """Late is far beyond ten minutes, everything else far below, so that no reader can disagree."""
    frames = {topic: part.frame for topic, part in decoded(live, contracts).items()}
    delays = pl.concat([frame["arrival_timestamp"] - frame["event_timestamp"] for frame in frames.values()])
    assert (delays > timedelta(minutes=14)).sum() == live.counts.late == 20
    assert (delays > timedelta(seconds=3)).sum() == live.counts.late
    ids = {"orders": "order_id", "page_views": "view_id", "chargebacks": "chargeback_id"}
    repeats = sum(frame.height - frame[ids[topic]].n_unique() for topic, frame in frames.items())
    assert repeats == live.counts.duplicate == 40


def test_live_events_are_out_of_order_as_counted(live: LiveEvents, contracts: dict[str, Contract]) -> None:
    """An event is out of order when a later one of its topic came before it."""
    frames = [part.frame["event_timestamp"] for part in decoded(live, contracts).values()]
    assert sum(int((times < times.cum_max()).sum()) for times in frames) == live.counts.out_of_order > 50


def test_live_ids_collide_with_nothing(
    shop: Shop, history: History, live: LiveEvents, contracts: dict[str, Contract]
) -> None:
    """Neither with the history nor with a live period that starts a microsecond later."""

    def ids(events: LiveEvents, contracts: dict[str, Contract]) -> set[str]:
        frames = [part.frame for part in decoded(events, contracts).values()]
        return {name for frame in frames for name in frame.to_series(0)}

    later = shop.live(NOW + timedelta(microseconds=1), timedelta(seconds=10), 1000)
    old = {*history.orders["order_id"], *history.page_views["view_id"], *history.chargebacks["chargeback_id"]}
    assert len(ids(live, contracts)) > 9_000
    assert ids(live, contracts).isdisjoint(old)
    assert ids(live, contracts).isdisjoint(ids(later, contracts))


def test_live_goes_on_in_the_same_world(history: History, live: LiveEvents) -> None:
    """The same customers and products, every kind of fraud, and yesterday's frauds become known."""
    assert set(live.keys) <= set(history.page_views["user_id"].unique()) | {
        f"user_{i:05d}" for i in range(SMALL.customers)
    }
    assert live.ground_truth["scenario"].n_unique() >= 3
    known = [
        json.loads(p)["order_id"]
        for t, p in zip(live.topics, live.payloads, strict=True)
        if t == "chargebacks"
    ]
    assert set(known) <= set(history.ground_truth["order_id"])
    assert known


def test_iterating_live_events_gives_messages(live: LiveEvents) -> None:
    """Topic, key, arrival and payload of each, in order."""
    first = next(iter(live))
    assert (first.topic, first.key) == (live.topics[0], live.keys[0])
    assert json.loads(first.payload)["user_id"] == first.key


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"present": NOW.replace(tzinfo=None)}, "has no zone"),
        ({"customers": 1}, "make no shop"),
    ],
)
def test_an_impossible_shop_is_an_error(change: dict[str, Any], words: str) -> None:
    """It names the value."""
    with pytest.raises(ValueError, match=words):
        ShopConfig(**{"present": NOW, **change})


def test_a_history_that_ends_before_it_starts_is_an_error(shop: Shop) -> None:
    """It names both ends."""
    with pytest.raises(ValueError, match="give a later end"):
        shop.history(NOW, NOW)


def test_a_scaled_shop_has_more_customers() -> None:
    """And nothing else changes."""
    assert SMALL.scaled(2) == ShopConfig(present=NOW, customers=1200, products=200)


def test_too_few_messages_for_all_troubles_are_an_error(shop: Shop) -> None:
    """One of each kind needs room."""
    with pytest.raises(ValueError, match="4 messages are too few"):
        shop.live(NOW, timedelta(seconds=1), 4)
