"""What became of predictions: chargebacks of the orders they judged, orders of the products they listed."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from artefact import Thresholds
from artefact.experiments import SHADOW
from expectations.judged import ASKED_AT, ORDERED_AT, judged_orders
from training.history import TIME, read_events
from training.instants import with_orders
from training.labels import known_at, with_known_at, without_repeats

SETTLED_AT = "settled_at"
"""When the outcome of a prediction is final."""
_ENTRY = ("request_id", "user_id", "product_id", TIME)


def order_outcomes(
    store: Any,
    predictions: pl.DataFrame,
    thresholds: Mapping[str, Thresholds],
    *,
    patience: timedelta,
    delay: timedelta,
    end: datetime,
) -> pl.DataFrame:
    """Orders that were judged, and whether that was right.

    An order belongs to the last prediction of each model for the same customer and product in the ``patience`` before it;
    a prediction that no order followed has no outcome. It is settled ``delay`` after the order, and only settled ones are
    told: one that is charged back at once must not count before one that is not.

    Args:
        store: A ``feast.FeatureStore`` with the archives.
        predictions: `read_predictions` of a fraud model.
        thresholds: Of each version, ``fraud@<version>``.
        patience: Longest time from a prediction to its order.
        delay: How long after an order its chargeback is waited for.
        end: What had arrived by then is known (aware).

    Returns:
        ``arm``, ``version``, ``user_id``, ``probability``, ``label`` (1: charged back), ``blocked`` (HIGH), ``outcome`` (1:
        decided wrongly, that is blocked and good or let through and charged back), ``settled_at``; a row per order and
        model.
    """
    start = predictions[ASKED_AT].min()
    assert isinstance(start, datetime)  # noqa: S101  there is at least one prediction
    columns = ("order_id", "user_id", "product_id")
    orders = without_repeats(read_events(store, "orders_archive", columns, start, end), "order_id")
    chargebacks = read_events(store, "chargebacks_archive", ("order_id",), None, None)
    settled = known_at(with_known_at(orders, chargebacks), end).filter(pl.col(TIME) + delay <= end)
    high = pl.col("version").replace_strict(
        {v: t.high for v, t in thresholds.items()}, return_dtype=pl.Float64
    )
    blocked = (pl.col("probability") >= high).cast(pl.Int8)
    return (
        pl.concat([_judged(settled, group, patience) for _, group in predictions.group_by("version", "arm")])
        .with_columns(blocked=blocked, settled_at=pl.col(ORDERED_AT) + delay)
        .with_columns(outcome=(pl.col("blocked") != pl.col("label")).cast(pl.Int8))
        .sort(SETTLED_AT, "order_id")
    )


def _judged(orders: pl.DataFrame, predictions: pl.DataFrame, patience: timedelta) -> pl.DataFrame:
    return judged_orders(
        orders.select("order_id", "user_id", "product_id", label="is_fraud", ordered_at=TIME),
        predictions.select("user_id", "product_id", ASKED_AT, "arm", "version", "probability"),
        patience,
    ).drop(ASKED_AT)


def list_outcomes(
    store: Any, predictions: pl.DataFrame, *, horizon: timedelta, end: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Products that were listed, and lists, and whether the customer ordered (one of) them within the horizon.

    Args:
        store: A ``feast.FeatureStore`` with the archives.
        predictions: `read_predictions` of a recommendation model; what was not listed is left out.
        horizon: How long after a list an order counts.
        end: What happened before it is known (aware).

    Returns:
        Entries and lists, both with ``arm``, ``version``, ``user_id``, ``label`` or ``outcome`` (1: ordered) and
        ``settled_at``; entries have ``probability``. Shadows have entries only: they showed no list.
    """
    listed = predictions.filter("listed").select(*_ENTRY)
    shown = predictions.filter((pl.col("arm") != SHADOW) & pl.col("listed"))
    beside = predictions.filter(pl.col("arm") == SHADOW).join(listed, on=[*_ENTRY], how="semi")
    settled = pl.concat([shown, beside]).filter(pl.col(TIME) + horizon <= end)
    first = settled[TIME].min()
    if not isinstance(first, datetime):
        return _no_outcomes("label"), _no_outcomes("outcome")
    orders = without_repeats(
        read_events(store, "orders_archive", ("order_id", "user_id", "product_id"), first, end), "order_id"
    )
    entries = (
        with_orders(settled, orders, horizon)
        .with_columns(settled_at=pl.col(TIME) + horizon, label="ordered")
        .sort(SETTLED_AT, "request_id")
    )
    lists = (
        entries.filter(pl.col("arm") != SHADOW)
        .group_by("request_id", "user_id", SETTLED_AT, "arm", "version")
        .agg(outcome=pl.col("label").max())
        .sort(SETTLED_AT, "request_id")
    )
    return entries, lists


def _no_outcomes(result: str) -> pl.DataFrame:
    return pl.DataFrame(
        schema={
            "arm": pl.String,
            "version": pl.String,
            "user_id": pl.String,
            "probability": pl.Float64,
            result: pl.Int8,
            SETTLED_AT: pl.Datetime("us", "UTC"),
        }
    )
