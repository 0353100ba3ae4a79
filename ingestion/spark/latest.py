"""Latest rows of windowed views, computed by Spark."""

from datetime import datetime
from typing import Any

import polars as pl

from ingestion.compile import compile_view
from ingestion.spark.events import SparkEvents
from ingestion.spark.frames import from_table, spark_schema
from ingestion.spark.portions import BUCKET
from ingestion.spark.tasks import latest_of_buckets
from ingestion.stores.latest import no_rows
from ingestion.stores.sources import Source
from ingestion.windows.revised import REVISED


def latest_of_windows(
    session: Any,
    view: Any,
    source: Source,
    interval: tuple[datetime, datetime],
    *,
    only_changed: bool,
    portion_bytes: int,
) -> Any:
    """Rows as of the end of an interval, as a Spark dataframe; None when nothing was ever archived.

    See `ingestion.stores.latest.latest_of_windows` for what they are.
    """
    spec = compile_view(view)
    events = SparkEvents.of(session, source, [spec], interval, portion_bytes)
    if events is None:
        return None
    since = interval[0] if only_changed else None
    keys = {key: events.types[key] for key in spec.join_keys}
    schema = {**keys, spec.timestamp_column: no_rows(spec).schema[spec.timestamp_column], **spec.schema}
    schema[REVISED] = pl.Boolean()
    task = latest_of_buckets(spec, since, interval[1], schema)
    return events.read(spec).groupBy(BUCKET).applyInArrow(task, spark_schema(schema))


def collected(rows: Any, view: Any) -> pl.DataFrame:
    """The rows of `latest_of_windows` here."""
    return no_rows(compile_view(view)) if rows is None else from_table(rows.toArrow())
