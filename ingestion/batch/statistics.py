"""How products did over the last four weeks, as it was known at each midnight. Pure polars.

An event is seen by the midnights that it happened before (and at most 28 days before), from the first one on by which
it had also arrived::

    day of the event   d   d+1  ...            d+28
                       |    |                    |
    midnights that     |    [ first: d+1, or the one after the arrival if that is later
    see it             |                         ] last
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import polars as pl

from ingestion.archive import ARRIVAL, TIMESTAMP_TYPE

WINDOW_DAYS: Final = 28
PRIOR_VIEWS: Final = 50
"""Page views at the conversion of all products that each product is given on top of its own."""

COLUMNS: Final[Mapping[str, pl.DataType]] = {
    "product_id": pl.String(),
    "product_conversion": pl.Float64(),
    "product_popularity_rank": pl.Int64(),
    "event_timestamp": TIMESTAMP_TYPE,
    "created_timestamp": TIMESTAMP_TYPE,
}


def daily_statistics(orders: pl.DataFrame, views: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Statistics of every product that was ordered or looked at, as of midnights.

    The conversion is ``(orders + PRIOR_VIEWS * r) / (views + PRIOR_VIEWS)`` with ``r`` the orders per page view of all
    products; rank 1 is the most ordered product, then the most viewed, then the first by id.

    Args:
        orders: ``product_id``, ``event_timestamp`` and ``arrival_timestamp`` of each order, no repeats.
        views: The same of each page view.
        first: Day at whose start (UTC) the first row stands.
        last: Day at whose start the last one stands.

    Returns:
        `COLUMNS`, by midnight and rank. The time of creation is the midnight too: nothing later went in.
    """
    midnights = pl.DataFrame({"midnight": pl.date_range(first, last, eager=True)})
    products = pl.concat([orders["product_id"], views["product_id"]]).unique().sort().to_frame()
    grid = midnights.join(products, how="cross")
    for name, events in (("orders", orders), ("views", views)):
        steps = _steps(events, first, last).rename({"change": name})
        grid = grid.join(steps, on=["midnight", "product_id"], how="left", maintain_order="left")
    counts = grid.with_columns(pl.col("orders", "views").fill_null(0).cum_sum().over("product_id"))
    return _rated(counts.filter((pl.col("orders") > 0) | (pl.col("views") > 0)))


def _steps(events: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """By how much the number of events seen changes at each midnight: ``midnight``, ``product_id``, ``change``."""
    day, day_of_arrival = pl.col("event_timestamp").dt.date(), pl.col(ARRIVAL).dt.date()
    arrived_at_midnight = pl.col(ARRIVAL) == pl.col(ARRIVAL).dt.truncate("1d")
    known = pl.when(arrived_at_midnight).then(day_of_arrival).otherwise(day_of_arrival.dt.offset_by("1d"))
    seen = events.select(
        "product_id",
        come=pl.max_horizontal(day.dt.offset_by("1d"), known, pl.lit(first)),
        go=day.dt.offset_by(f"{WINDOW_DAYS + 1}d"),
    ).filter(pl.col("come") < pl.col("go"))
    come = seen.select("product_id", midnight="come", change=pl.lit(1, pl.Int64))
    go = seen.select("product_id", midnight="go", change=pl.lit(-1, pl.Int64))
    changes = pl.concat([come, go]).filter(pl.col("midnight") <= last)
    return changes.group_by("midnight", "product_id").agg(pl.col("change").sum())


def _rated(counts: pl.DataFrame) -> pl.DataFrame:
    total_orders, total_views = (pl.col(name).sum().over("midnight") for name in ("orders", "views"))
    overall = total_orders / pl.max_horizontal(total_views, 1)
    midnight = pl.col("midnight").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return (
        counts.sort("midnight", "orders", "views", "product_id", descending=[False, True, True, False])
        .select(
            "product_id",
            product_conversion=(pl.col("orders") + PRIOR_VIEWS * overall) / (pl.col("views") + PRIOR_VIEWS),
            product_popularity_rank=pl.int_range(1, pl.len() + 1).over("midnight"),
            event_timestamp=midnight,
            created_timestamp=midnight,
        )
        .cast(dict(COLUMNS))  # type: ignore[arg-type]
    )


def window_start(midnight: date) -> date:
    """First day whose events a midnight sees."""
    return midnight - timedelta(days=WINDOW_DAYS)
