"""Which prediction judged which order."""

from datetime import timedelta
from typing import Final

import polars as pl

from expectations.served import TIME

ASKED_AT: Final = "asked_at"
"""The instant that a prediction is for: the order's own, or that of the list."""
ORDERED_AT: Final = "ordered_at"


def asked_at() -> pl.Expr:
    """`ASKED_AT` of records of the prediction log: what the request says, or when its features were read."""
    value = pl.element().struct
    seconds = (
        pl.col("request")
        .list.eval(pl.when(value.field("name") == "request_seconds").then(value.field("number")))
        .list.max()
    )
    instant = (seconds * 1_000_000).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))
    return instant.fill_null(pl.col(TIME)).alias(ASKED_AT)


def judged_orders(orders: pl.DataFrame, predictions: pl.DataFrame, patience: timedelta) -> pl.DataFrame:
    """Orders with the last prediction for the same customer and product in the time before; others are left out.

    Args:
        orders: ``user_id``, ``product_id``, `ORDERED_AT` and others, which are kept.
        predictions: ``user_id``, ``product_id``, `ASKED_AT` and others, which are put beside.
        patience: Longest time from a prediction to its order.
    """
    return (
        orders.sort(ORDERED_AT)
        .join_asof(
            predictions.sort(ASKED_AT),
            left_on=ORDERED_AT,
            right_on=ASKED_AT,
            by=["user_id", "product_id"],
            tolerance=patience,
            coalesce=False,
            check_sortedness=False,
        )
        .filter(pl.col(ASKED_AT).is_not_null())
    )
