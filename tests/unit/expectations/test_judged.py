from datetime import UTC, datetime, timedelta

import polars as pl

from expectations.judged import asked_at, judged_orders

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def test_an_order_belongs_to_the_last_prediction_before_it() -> None:
    """Within the half hour, for the same product; nothing comes after an order.

    ::

        predictions   p1 p2       p3
        orders               o1   o2
    """
    predictions = pl.DataFrame(
        {
            "user_id": ["u", "u", "u", "v"],
            "product_id": ["a", "a", "a", "b"],
            "asked_at": [NOON, NOON + MINUTE, NOON + 9 * MINUTE, NOON],
            "name": ["p1", "p2", "p3", "p4"],
        }
    )
    orders = pl.DataFrame(
        {
            "order": ["o1", "o2", "too late", "other"],
            "user_id": ["u", "u", "u", "v"],
            "product_id": ["a", "a", "a", "a"],
            "ordered_at": [NOON + 2 * MINUTE, NOON + 9 * MINUTE, NOON + 50 * MINUTE, NOON + MINUTE],
        }
    )
    found = judged_orders(orders, predictions, 30 * MINUTE)
    assert dict(found.select("order", "name").iter_rows()) == {"o1": "p2", "o2": "p3"}


def test_the_request_says_when_it_asked() -> None:
    """In whole seconds; what says nothing asked when its features were read."""
    value = {"name": "request_seconds", "number": NOON.timestamp(), "text": None}
    other = {"name": "transaction_amount", "number": 5.0, "text": None}
    records = pl.DataFrame({"event_timestamp": [NOON + MINUTE] * 2, "request": [[other, value], [other]]})
    assert records.select(asked_at())["asked_at"].to_list() == [NOON, NOON + MINUTE]
