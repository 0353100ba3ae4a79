from datetime import UTC, datetime, timedelta

import polars as pl

from training.labels import known_at, with_known_at, within, without_compromised, without_repeats
from training.split import Window

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def events(*rows: tuple[str, float, float]) -> pl.DataFrame:
    """Rows of (order, hour at which it happened, hour at which it arrived)."""
    return pl.DataFrame(
        {
            "order_id": [row[0] for row in rows],
            "event_timestamp": [NOON + timedelta(hours=row[1]) for row in rows],
            "arrival_timestamp": [NOON + timedelta(hours=row[2]) for row in rows],
        }
    )


def test_a_label_is_what_had_arrived_by_the_cut() -> None:
    """The chargeback of b happened before the cut and arrived behind it."""
    orders = events(("a", 0, 0), ("b", 0, 0), ("c", 0, 0))
    chargebacks = events(("a", 5, 10), ("b", 6, 10.001))
    labelled = known_at(with_known_at(orders, chargebacks), NOON + timedelta(hours=10))
    assert labelled["is_fraud"].to_list() == [1, 0, 0]


def test_a_chargeback_that_arrives_twice_labels_one_row() -> None:
    """As many rows as orders, in their order."""
    orders = events(("b", 0, 0), ("a", 1, 1))
    labelled = known_at(with_known_at(orders, events(("a", 2, 3), ("a", 2, 2))), NOON + timedelta(hours=2))
    assert labelled["order_id"].to_list() == ["b", "a"]
    assert labelled["is_fraud"].to_list() == [0, 1]


def test_a_repeated_order_counts_once_by_its_first_arrival() -> None:
    """Sorted by event time."""
    once = without_repeats(events(("a", 3, 9), ("b", 1, 2), ("a", 3, 4)), "order_id")
    assert once["order_id"].to_list() == ["b", "a"]
    assert once["arrival_timestamp"].to_list() == [NOON + timedelta(hours=h) for h in (2, 4)]


def test_a_window_holds_its_start_and_not_its_end() -> None:
    """Half-open."""
    window = Window(NOON, NOON + timedelta(hours=1))
    kept = within(events(("before", -0.001, 0), ("start", 0, 0), ("end", 1, 1)), window)
    assert kept["order_id"].to_list() == ["start"]


def test_a_customer_known_as_compromised_is_looked_for_no_more() -> None:
    """Days |0|1|2|: u's fraud becomes known at noon of day 0, v's never; u is gone from day 1 on, all day."""
    orders = pl.DataFrame(
        {
            "user_id": ["u", "u", "v", "u"],
            "event_timestamp": [NOON + timedelta(hours=h) for h in (1, 12, 12, 30)],
        }
    )
    frauds = pl.DataFrame({"user_id": ["u", "v"], "fraud_known_at": [NOON, None]})
    left = without_compromised(orders, frauds)
    assert left["user_id"].to_list() == ["u", "v"]
    assert left["event_timestamp"].to_list() == [NOON + timedelta(hours=h) for h in (1, 12)]
