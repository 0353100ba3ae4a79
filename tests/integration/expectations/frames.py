"""Small batches that break nothing, for tests to break."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

START = datetime(2026, 1, 1, tzinfo=UTC)
END = START + timedelta(days=1)
PRODUCTS = [f"prod_{i}" for i in range(20)]
TIME = pl.Datetime("us", "UTC")


def orders(rows: int = 200) -> pl.DataFrame:
    """Archived orders of one day, every fourth loaded from a file and the others from Kafka."""
    random = np.random.default_rng(7)
    i = np.arange(rows)
    loaded = i % 4 == 0
    return pl.DataFrame(
        {
            "order_id": [f"order_{n}" for n in i],
            "event_timestamp": pl.Series(
                [START + timedelta(seconds=86_399 * int(n) / rows) for n in i], dtype=TIME
            ),
            "user_id": [f"user_{n % 30}" for n in i],
            "product_id": [PRODUCTS[n % 20] for n in i],
            "device_id": [f"device_{n % 40}" for n in i],
            "category": [f"category_{n % 5}" for n in i],
            "amount": random.lognormal(3, 1, rows),
            "quantity": random.integers(1, 5, rows),
            "session_id": [None if n % 7 == 0 else f"session_{n}" for n in i],
        }
    ).with_columns(
        (pl.col("event_timestamp") + pl.duration(seconds=1)).alias("arrival_timestamp"),
        pl.Series("_topic", [None if b else "orders" for b in loaded], dtype=pl.String),
        pl.Series("_partition", [None if b else 0 for b in loaded], dtype=pl.Int32),
        pl.Series("_offset", [None if b else int(n) for b, n in zip(loaded, i, strict=True)], dtype=pl.Int64),
    )


def device_orders(rows: int = 50) -> pl.DataFrame:
    """Rows of the view `device_orders`; every fifth device has had no order for a day."""
    i = np.arange(rows)
    seen = i % 5 != 0
    return pl.DataFrame(
        {
            "device_id": [f"device_{n}" for n in i],
            "event_timestamp": pl.Series([START] * rows, dtype=TIME),
            "device_orders_count_10m": 1 * seen,
            "device_orders_count_1h": 2 * seen,
            "device_amount_sum_1h": 20.5 * seen,
            "device_orders_count_1d": 4 * seen,
            "device_amount_min_1d": [9.5 if b else None for b in seen],
            "device_user_id_count_distinct_1d": 1 * seen,
            "device_user_id_count_distinct_7d": np.maximum(2 * seen, 1),
        }
    )


def spending(rows: int = 50) -> pl.DataFrame:
    """Rows of the view `spending`, whose mean and sums differ by rounding."""
    return pl.DataFrame(
        {
            "user_id": [f"user_{n}" for n in range(rows)],
            "event_timestamp": pl.Series([START] * rows, dtype=TIME),
            "spending_amount_sum_1h": [0.1 + 0.2] * rows,
            "spending_amount_mean_1h": [0.15] * rows,
            "spending_amount_min_1h": [0.1] * rows,
            "spending_amount_max_1h": [0.2] * rows,
            "spending_amount_std_1h": [0.07] * rows,
            "spending_orders_count_1h": [2] * rows,
            "spending_amount_sum_1d": [0.3] * rows,
        }
    )
