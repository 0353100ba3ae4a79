"""What the benchmark of faults serves must be what the platform would have served."""

from datetime import UTC, datetime, timedelta

import polars as pl

from feature_repo.definitions import user_orders
from ingestion.compile import compile_view
from ingestion.events.simulator import Shop, ShopConfig
from ingestion.windows.asof import latest_rows
from tests.benchmarks.faulty.clocks import CLOCK, window_clocks

END = datetime(2026, 3, 1, tzinfo=UTC)


def test_clocks_are_those_of_the_rows_that_the_online_store_holds() -> None:
    """At any instant: just after the newest event, or the last boundary at which a window lost a tile."""
    orders = (
        Shop(ShopConfig(present=END, customers=40, products=40), 3)
        .history(END - timedelta(days=40), END)
        .orders
    )
    prompt = orders.unique("order_id", keep="first", maintain_order=True).with_columns(
        arrival_timestamp="event_timestamp"
    )
    spec = compile_view(user_orders)
    for instant in (END - timedelta(days=3, minutes=7), END - timedelta(hours=5, seconds=1)):
        held = latest_rows(spec, prompt, int(instant.timestamp() * 1_000_000))
        asked = held.select("user_id").with_columns(
            pl.lit(instant).cast(pl.Datetime("us", "UTC")).alias("event_timestamp")
        )
        clocks = asked.with_columns(window_clocks(user_orders, prompt, asked).alias(CLOCK))
        assert clocks[CLOCK].equals(held["event_timestamp"])
    assert held.height > 20
