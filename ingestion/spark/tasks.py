"""What Spark's Python workers compute; nothing here imports Feast, which takes seconds."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

import polars as pl
import pyarrow as pa

from ingestion.spark.frames import from_batches, from_table, to_batches, to_table
from ingestion.spark.portions import BUCKET, ORDER
from ingestion.windows.bitemporal import evaluate
from ingestion.windows.dedup import without_repeats
from ingestion.windows.grid import INSTANT
from ingestion.windows.revised import latest_of_events
from ingestion.windows.spec import ViewSpec

ROW: Final = "__row"
"""Number of a row that is asked for."""


def judge(
    spec: ViewSpec, schema: Mapping[str, pl.DataType], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """The events that count among all those with some ids."""
    rows = from_batches(batches)
    if rows is not None:
        yield from to_batches(without_repeats(rows.sort(ORDER), spec), schema)


def evaluate_bucket(
    spec: ViewSpec, as_known: bool, schema: Mapping[str, pl.DataType], asked: pa.Table, events: pa.Table
) -> pa.Table:
    """Features of the entities of one bucket."""
    instants, seen = from_table(asked), from_table(events).sort(ORDER).drop(ORDER, BUCKET)
    values = evaluate(spec, seen, instants.drop(ROW, BUCKET), as_known=as_known)
    return to_table(values.with_columns(instants[ROW]), schema)


def latest_of_buckets(
    spec: ViewSpec, since: datetime | None, end: datetime, schema: Mapping[str, pl.DataType]
) -> Callable[[pa.Table], pa.Table]:
    """Computes the rows of the entities of one bucket; Spark asks for a function, whose types it reads."""

    def latest(events: pa.Table) -> pa.Table:
        rows = latest_of_events(spec, from_table(events).sort(ORDER).drop(ORDER, BUCKET), since, end)
        return to_table(rows.rename({INSTANT: spec.timestamp_column}), schema)

    return latest
