"""A small shop for the stream's unit tests: one topic of orders, windows over users and products, times in seconds."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from ingestion.archive import Archive
from ingestion.events.contract import Contract
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.fakes import FakeMessage
from ingestion.windows.spec import ViewSpec, WindowedFeature

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = datetime(2024, 5, 1, tzinfo=UTC)
DAY_US = int(DAY.timestamp()) * SECOND

_SCHEMA = {
    "type": "object",
    "properties": {
        "order_id": {"type": "string", "minLength": 1},
        "event_timestamp": {"type": "string", "format": "date-time"},
        "user_id": {"type": "string"},
        "product_id": {"type": "string"},
        "amount": {"type": "number", "exclusiveMinimum": 0},
    },
    "required": ["order_id", "event_timestamp", "user_id", "product_id", "amount"],
    "additionalProperties": False,
}


def spec(name: str, key: str) -> ViewSpec:
    """Orders of the last minute in hops of ten seconds, and amounts of the last ten minutes in hops of a minute."""
    return ViewSpec(
        name=name,
        join_keys=(key,),
        timestamp_column="event_timestamp",
        arrival_column="arrival_timestamp",
        event_id_column="order_id",
        dedup_horizon_us=60 * MINUTE,
        features=(
            WindowedFeature("orders_1m", "order_id", "count", MINUTE, 10 * SECOND, pl.Int64()),
            WindowedFeature("amount_10m", "amount", "sum", 10 * MINUTE, MINUTE, pl.Float64()),
        ),
    )


def orders_topic(root: Path) -> EventTopic:
    """The topic, archived below ``root``."""
    return EventTopic(
        name="orders",
        contract=Contract.from_json_schema("orders", _SCHEMA, "event_timestamp", "order_id"),
        archive=Archive(root, "orders"),
        lateness_us=MINUTE,
        dedup_horizon_us=60 * MINUTE,
        specs=(spec("user_orders", "user_id"), spec("product_orders", "product_id")),
    )


def order(number: int, seconds: float, user: str = "ann", product: str = "tea", amount: float = 1.0) -> bytes:
    """The message of an order that happened so many seconds after `DAY`."""
    return json.dumps(
        {
            "order_id": f"o{number}",
            "event_timestamp": (DAY + timedelta(seconds=seconds)).isoformat(),
            "user_id": user,
            "product_id": product,
            "amount": amount,
        }
    ).encode()


def message(at: int, value: bytes | None, seconds: float = 0.0, partition: int = 0) -> FakeMessage:
    """A message at an offset, that arrived so many seconds after `DAY`."""
    arrival_ms = DAY_US // 1000 + round(seconds * 1000)
    return FakeMessage("orders", value, at, partition, arrival_ms, key_bytes=b"k")
