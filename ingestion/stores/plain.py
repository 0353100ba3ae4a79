"""Plain views: features that lie in a table as they are.

Keys and times are read first and say which rows count; values are read afterwards, of those rows only, a portion of
the files at a time. A table whose keys do not fit in memory is indexed in parts by key.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl

from ingestion.archive import TIMESTAMP_TYPE
from ingestion.compile import POLARS_TYPES
from ingestion.stores.offline_join import NO_LIMIT, NOT_FOUND, ROW, Index, Ints, newest_rows, rows_as_of
from ingestion.stores.passes import in_part, parts_of, row_bytes
from ingestion.stores.requests import ViewRequest, join_keys
from ingestion.stores.sources import Source
from ingestion.stores.table import Table

Interval: TypeAlias = tuple[datetime | None, datetime | None]
"""First and last instant, both included; None: without bound."""

_JOIN_BYTES: Final = 64
"""What the join holds of a row beside its keys and times."""


@dataclass(frozen=True)
class Columns:
    """What columns of a table mean.

    Attributes:
        keys: Together they identify an entity; none: one entity for all.
        values: What is wanted.
        timestamp: Event time.
        created: When a row was written, if the table knows.
    """

    keys: Sequence[str]
    values: Sequence[str]
    timestamp: str
    created: str | None

    @property
    def times(self) -> list[str]:
        """Columns of times, the event time first."""
        return [self.timestamp, *([self.created] if self.created else [])]

    @property
    def names(self) -> list[str]:
        """All of them, each once."""
        return list(dict.fromkeys([*self.keys, *self.values, *self.times]))


@dataclass(frozen=True)
class History:
    """Rows of a table in an interval, of which keys and times are read in parts.

    Attributes:
        table: The files.
        columns: What their columns mean.
        interval: First and last event time.
        limit_bytes: How much memory keys and times may take at once, about.
    """

    table: Table
    columns: Columns
    interval: Interval
    limit_bytes: int

    def rows_as_of(self, asked: pl.DataFrame, request: ViewRequest, *, created_by_then: bool) -> Ints:
        """Number of the row that counts for each row asked, `NOT_FOUND` where there is none."""
        keys, parts = self.columns.keys, self._parts()
        found = np.full(asked.height, NOT_FOUND, dtype=np.int64)
        for part in range(parts):
            chosen = in_part(keys, part, parts)
            here = asked.select(chosen.alias(ROW))[ROW].to_numpy() if parts > 1 else slice(None)
            questions = asked.filter(chosen) if parts > 1 else asked
            found[here] = rows_as_of(
                questions, self._index(part, parts), ttl=request.ttl, created_by_then=created_by_then
            )
        return found

    def newest_rows(self) -> Ints:
        """Number of the newest row of each entity."""
        parts = self._parts()
        return np.concatenate([newest_rows(self._index(part, parts)) for part in range(parts)])

    def _parts(self) -> int:
        indexed = [*self.columns.keys, *self.columns.times]
        each = row_bytes(self.table.schema, indexed) + _JOIN_BYTES
        return parts_of(self.table.height, each, self.limit_bytes)

    def _index(self, part: int, parts: int) -> Index:
        columns = self.columns
        chosen = in_part(columns.keys, part, parts) if parts > 1 else None
        rows = self.table.read([*columns.keys, *columns.times], *self.interval, chosen, number=True)
        return Index(rows, columns.keys, columns.timestamp, columns.created)


def values(
    request: ViewRequest,
    source: Source,
    asked: pl.DataFrame,
    interval: tuple[datetime, datetime],
    *,
    created_by_then: bool,
    limit_bytes: int,
) -> pl.DataFrame:
    """Features of a view at given instants.

    Args:
        request: The view and what is asked of it.
        source: Table of the view.
        asked: Join keys as the table names them, and `event_timestamp`.
        interval: First and last of the instants.
        created_by_then: Leave out rows that were created after the instant.
        limit_bytes: How much memory the table's keys and times may take at once, about.

    Returns:
        The result's columns, one row per row of `asked`, in its order.
    """
    renamed = {source.column(feature): name for feature, name in request.features.items()}
    start = interval[0] - request.ttl if request.ttl != NO_LIMIT else None
    columns = columns_of(request.view, source, list(renamed))
    if source.is_empty_folder():
        found = _nulls(request.view, source, columns.values, asked.height)
    else:
        history = open_history(source, columns, (start, interval[1]), limit_bytes)
        rows = history.rows_as_of(asked, request, created_by_then=created_by_then)
        found = _as_declared(request.view, source, history.table.gather(columns.values, rows))
    return found.select(pl.col(column).alias(name) for column, name in renamed.items())


def latest(view: Any, source: Source, interval: Interval, limit_bytes: int) -> pl.DataFrame:
    """Newest row of each entity in an interval: join keys, features and times, under the view's names."""
    features = [field.name for field in view.features]
    columns = columns_of(view, source, [source.column(name) for name in features])
    if source.is_empty_folder():
        found = _nulls(view, source, columns.names, 0)
    else:
        found = newest(open_history(source, columns, interval, limit_bytes))
    times = [source.declared.timestamp_field, source.declared.created_timestamp_column]
    renamed = {source.column(name): name for name in (*join_keys(view), *features, *times) if name}
    return _as_declared(view, source, found).rename(renamed)


def newest(history: History) -> pl.DataFrame:
    """Newest row of each entity: keys, values and times, as the files name them."""
    return history.table.gather(history.columns.names, history.newest_rows())


def open_history(source: Source, columns: Columns, interval: Interval, limit_bytes: int) -> History:
    """Rows of a table in an interval.

    Raises:
        SourceError: nothing is there, or a column is missing or no time.
    """
    table = source.table(columns.names, times=columns.times, start=interval[0], end=interval[1])
    return History(table, columns, interval, limit_bytes)


def columns_of(view: Any, source: Source, values: Sequence[str]) -> Columns:
    """Columns of a view's table, as its files name them."""
    return Columns([source.column(key) for key in join_keys(view)], values, *time_columns(source))


def time_columns(source: Source) -> tuple[str, str | None]:
    """Event time and creation time of a table, as its files name them."""
    created = source.declared.created_timestamp_column
    return source.column(source.declared.timestamp_field), source.column(created) if created else None


def declared_types(view: Any, source: Source) -> dict[str, pl.DataType]:
    """Types that the view declares for its columns, named as the files name them."""
    fields = {source.column(field.name): field.dtype for field in (*view.entity_columns, *view.features)}
    times = {time: TIMESTAMP_TYPE for time in time_columns(source) if time}
    return {name: POLARS_TYPES.get(dtype, pl.String()) for name, dtype in fields.items()} | times


def _nulls(view: Any, source: Source, columns: Sequence[str], height: int) -> pl.DataFrame:
    declared = declared_types(view, source)
    return pl.DataFrame({column: pl.Series([None], dtype=declared[column]) for column in columns}).select(
        pl.all().gather(pl.zeros(height, dtype=pl.UInt32, eager=True))
    )


def _as_declared(view: Any, source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    """Features in the types that the view declares, where these are single values."""
    declared = {source.column(field.name): POLARS_TYPES.get(field.dtype) for field in view.features}
    return rows.cast(
        {name: kind for name, kind in declared.items() if kind is not None and name in rows.columns}
    )
