"""What became of an order, as it was known at an instant."""

from datetime import datetime

import polars as pl

from training.split import Window


def without_repeats(events: pl.DataFrame, event_id: str) -> pl.DataFrame:
    """One row per event id, the first arrival; sorted by event time, then id."""
    first = events.sort("arrival_timestamp", "event_timestamp").unique(event_id, keep="first")
    return first.sort("event_timestamp", event_id)


def with_fraud_labels(orders: pl.DataFrame, chargebacks: pl.DataFrame, known_at: datetime) -> pl.DataFrame:
    """Orders with ``is_fraud`` (Int8): 1 if a chargeback of the order had arrived by ``known_at``, inclusive."""
    known = chargebacks.filter(pl.col("arrival_timestamp") <= known_at).select("order_id").unique()
    return orders.join(
        known.with_columns(is_fraud=pl.lit(1, pl.Int8)), on="order_id", how="left", maintain_order="left"
    ).with_columns(pl.col("is_fraud").fill_null(0))


def within(events: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Events whose time lies in the half-open window."""
    time = pl.col("event_timestamp")
    return events.filter((time >= window.start) & (time < window.end))
