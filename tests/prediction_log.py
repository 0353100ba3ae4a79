"""A prediction log in the format of `python -m ingestion.predictions`: of given records, or of any size, drawn column by column."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time
from pathlib import Path

import numpy as np
import polars as pl

from ingestion.archive import ARRIVAL, TIMESTAMP_TYPE, Archive
from ingestion.predictions.frame import SCHEMA, rows_of
from ingestion.predictions.record import Record

FEATURES = tuple(f"user_amount_sum_{n}h" for n in range(1, 36))
VIEWS = ("user_orders", "user_views", "device_orders", "product_orders", "user_profile")
_DAY_US = 86_400_000_000


def archive_records(records: Iterable[Record], data: Path, first_offset: int = 0) -> None:
    """Archive predictions below a data folder, each at the instant at which it was made.

    Args:
        records: In the order of the log.
        data: The prediction log is its folder ``predictions``.
        first_offset: Of the first record; the topic has one partition.
    """
    rows = rows_of(list(records)).with_row_index("_offset", first_offset)
    Archive.at(data / "predictions").write(
        rows.with_columns(
            pl.col("_offset").cast(pl.Int64),
            pl.col("event_timestamp").alias(ARRIVAL),
            _topic=pl.lit("predictions"),
            _partition=pl.lit(0, pl.Int32),
        )
    )


def write_day(folder: Path, day: date, rows: int, live: float = 0.999, seed: int = 7) -> None:
    """Write one file of a day's predictions below an archive of the prediction log.

    Args:
        folder: The archive.
        day: UTC.
        rows: Predictions, spread over the day with more of them in its middle.
        live: Share of predictions made of live values.
        seed: Of every draw, with the day.
    """
    chance = np.random.default_rng([seed, day.toordinal()])
    midnight = int(datetime.combine(day, time(), UTC).timestamp() * 1e6)
    at = midnight + np.sort(chance.triangular(0, _DAY_US * 0.6, _DAY_US, rows).astype(np.int64))
    drawn = pl.DataFrame(
        {
            "event_timestamp": pl.Series(at).cast(TIMESTAMP_TYPE),
            "request_id": [f"{day:%m%d}{n:012x}" for n in range(rows)],
            "user_id": pl.Series(chance.integers(0, 5_000, rows)).cast(pl.String),
            "product_id": pl.Series(chance.integers(0, 400, rows)).cast(pl.String),
            "device_id": pl.Series(chance.integers(0, 9_000, rows)).cast(pl.String),
            "rung": np.where(chance.random(rows) < live, "live", "remembered"),
            "latency_ms": chance.lognormal(0.8, 0.6, rows),
            "age": chance.exponential(3_600, rows),
            "fraud": chance.beta(0.4, 20, rows),
            "recommendation": chance.beta(2, 10, rows),
            **{name: chance.lognormal(3, 1, rows) for name in FEATURES},
        }
    )
    target = folder / f"date={day}" / "1.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    _records(drawn).write_parquet(target)


def _records(drawn: pl.DataFrame) -> pl.DataFrame:
    """Rows of the archive, each value in its place."""
    return drawn.select(
        "event_timestamp",
        "request_id",
        "user_id",
        "product_id",
        "device_id",
        pl.concat_list(_value("transaction_amount", FEATURES[0])).alias("request"),
        "rung",
        pl.when(pl.col("fraud") > 0.1).then(pl.lit("HIGH")).otherwise(pl.lit("LOW")).alias("risk_level"),
        "latency_ms",
        pl.concat_list(_view(name) for name in VIEWS).alias("views"),
        pl.concat_list(_value(name, name) for name in FEATURES).alias("features"),
        pl.concat_list(_score("fraud", FEATURES), _score("recommendation", FEATURES[:20])).alias("scores"),
        pl.col("event_timestamp").alias(ARRIVAL),
        pl.lit("predictions").alias("_topic"),
        pl.lit(0, pl.Int32).alias("_partition"),
        pl.int_range(pl.len(), dtype=pl.Int64).alias("_offset"),
    ).cast(dict(SCHEMA))


def _value(name: str, column: str) -> pl.Expr:
    return pl.struct(name=pl.lit(name), number=pl.col(column), text=pl.lit(None, pl.String))


def _view(name: str) -> pl.Expr:
    age = pl.col("age")
    return pl.struct(
        name=pl.lit(name),
        status=pl.when(age < 18_000).then(pl.lit("PRESENT")).otherwise(pl.lit("NOT_FOUND")),
        event_timestamp=pl.col("event_timestamp") - pl.duration(seconds=age),
        age_seconds=age,
        rung=pl.col("rung"),
    )


def _score(model: str, inputs: Sequence[str]) -> pl.Expr:
    return pl.struct(
        model=pl.lit(model),
        version=pl.lit(f"{model}@20260501T000000Z-0123abcd"),
        probability=pl.col(model),
        inputs=pl.concat_list(pl.col(name).cast(pl.Float32) for name in inputs),
        arm=pl.lit("champion"),
        shadow=pl.lit(value=False),
    )
