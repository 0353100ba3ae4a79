"""What became of an order, as it was known at an instant."""

from datetime import datetime

import polars as pl

from training.split import Window

KNOWN_AT = "fraud_known_at"
"""When an order became known as fraud; null where it never did."""


def without_repeats(events: pl.DataFrame, event_id: str) -> pl.DataFrame:
    """One row per event id, the first arrival; sorted by event time, then id."""
    first = events.sort("arrival_timestamp", "event_timestamp").unique(event_id, keep="first")
    return first.sort("event_timestamp", event_id)


def with_known_at(orders: pl.DataFrame, chargebacks: pl.DataFrame) -> pl.DataFrame:
    """Orders with ``fraud_known_at``: when the first of their chargebacks arrived."""
    first = chargebacks.group_by("order_id").agg(pl.col("arrival_timestamp").min().alias(KNOWN_AT))
    return orders.join(first, on="order_id", how="left", maintain_order="left")


def known_at(orders: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """Orders with ``is_fraud`` (Int8): 1 if that had become known by ``instant``, inclusive."""
    known = (pl.col(KNOWN_AT) <= instant).fill_null(value=False)
    return orders.with_columns(is_fraud=known.cast(pl.Int8))


def without_compromised(orders: pl.DataFrame, frauds: pl.DataFrame) -> pl.DataFrame:
    """Orders without those of customers who were known as compromised when the order's day began: they are found already.

    Args:
        orders: ``user_id``, ``event_timestamp`` and others.
        frauds: ``user_id``, ``fraud_known_at`` (null: not known) of frauds.
    """
    known = frauds.group_by("user_id").agg(pl.col(KNOWN_AT).min().alias("__known"))
    found = (pl.col("__known") <= pl.col("event_timestamp").dt.truncate("1d")).fill_null(value=False)
    joined = orders.join(known, on="user_id", how="left", maintain_order="left")
    return joined.filter(~found).drop("__known")


def within(events: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Events whose time lies in the half-open window."""
    time = pl.col("event_timestamp")
    return events.filter((time >= window.start) & (time < window.end))
