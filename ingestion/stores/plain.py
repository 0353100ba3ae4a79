"""Plain views: features that lie in a table as they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import polars as pl

from ingestion.archive import TIMESTAMP_TYPE
from ingestion.compile import POLARS_TYPES
from ingestion.stores.offline_join import NO_LIMIT, History, join_as_of, latest_per_key
from ingestion.stores.requests import ViewRequest, join_keys
from ingestion.stores.sources import Source

Interval: TypeAlias = tuple[datetime | None, datetime | None]
"""First and last instant, both included; None: without bound."""


def values(
    request: ViewRequest,
    source: Source,
    asked: pl.DataFrame,
    interval: tuple[datetime, datetime],
    *,
    created_by_then: bool,
) -> pl.DataFrame:
    """Features of a view at given instants.

    Args:
        request: The view and what is asked of it.
        source: Table of the view.
        asked: Join keys as the table names them, and `event_timestamp`.
        interval: First and last of the instants.
        created_by_then: Leave out rows that were created after the instant.

    Returns:
        The result's columns, one row per row of `asked`, in its order.
    """
    columns = {source.column(feature): name for feature, name in request.features.items()}
    start = interval[0] - request.ttl if request.ttl != NO_LIMIT else None
    history = _history_of(request.view, source, list(columns), (start, interval[1]))
    found = join_as_of(asked, history, ttl=request.ttl, created_by_then=created_by_then)
    return _as_declared(request.view, source, found).select(
        pl.col(column).alias(name) for column, name in columns.items()
    )


def latest(view: Any, source: Source, interval: Interval) -> pl.DataFrame:
    """Newest row of each entity in an interval: join keys, features and times, under the view's names."""
    features = [field.name for field in view.features]
    history = _history_of(view, source, [source.column(name) for name in features], interval)
    renamed = {source.column(name): name for name in (*join_keys(view), *features)}
    return _as_declared(view, source, latest_per_key(history)).rename(renamed)


def read_history(
    source: Source,
    *,
    keys: Sequence[str],
    values: Sequence[str],
    times: tuple[str, str | None],
    interval: Interval,
    absent: Mapping[str, pl.DataType] | None = None,
) -> History:
    """Rows of a table in an interval.

    Args:
        source: The table.
        keys: Key columns of the table.
        values: Other columns to read.
        times: Event time, and when a row was created if the table knows.
        interval: First and last event time.
        absent: Types of the columns for a folder that is still empty.
    """
    timestamp, created = times
    known = [timestamp, *([created] if created else [])]
    rows = source.read(
        [*keys, *values, *known], times=known, start=interval[0], end=interval[1], absent=absent
    )
    return History(rows, keys, timestamp, created)


def time_columns(source: Source) -> tuple[str, str | None]:
    """Event time and creation time of a table, as its files name them."""
    created = source.declared.created_timestamp_column
    return source.column(source.declared.timestamp_field), source.column(created) if created else None


def declared_types(view: Any, source: Source) -> dict[str, pl.DataType]:
    """Types that the view declares for its columns, named as the files name them."""
    fields = {source.column(field.name): field.dtype for field in (*view.entity_columns, *view.features)}
    times = {time: TIMESTAMP_TYPE for time in time_columns(source) if time}
    return {name: POLARS_TYPES.get(dtype, pl.String()) for name, dtype in fields.items()} | times


def _as_declared(view: Any, source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Features in the types that the view declares, where these are single values."""
    declared = {source.column(field.name): POLARS_TYPES.get(field.dtype) for field in view.features}
    return rows.cast(
        {name: kind for name, kind in declared.items() if kind is not None and name in rows.columns}
    )


def _history_of(view: Any, source: Source, values: Sequence[str], interval: Interval) -> History:
    keys, times = [source.column(key) for key in join_keys(view)], time_columns(source)
    declared = declared_types(view, source)
    absent = {name: declared[name] for name in (*keys, *values, *times) if name}
    return read_history(source, keys=keys, values=values, times=times, interval=interval, absent=absent)
