"""The rows for which features are asked: read from what the caller has, checked, and keyed for each view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.windows.bitemporal import BEHIND, BEHIND_KNOWN, KNOWN
from ingestion.windows.grid import INSTANT

_UTC: Final = pa.timestamp("us", "UTC")
_KEY: Final = "__key"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class EntityRowsError(ValueError):
    """An entity dataframe for which features cannot be looked up."""


@dataclass(frozen=True)
class EntityRows:
    """Rows to which features are joined.

    Attributes:
        table: The caller's columns in the caller's order; times in microseconds, the instant in UTC.
        timestamp: Name of the column that holds each row's instant.
        frame: The same columns as they came, where they came from polars.
    """

    table: pa.Table
    timestamp: str
    frame: pl.DataFrame | None = None

    @classmethod
    def read(cls, source: Any) -> "EntityRows":
        """Rows of a pandas or polars dataframe, an arrow table, or the path of a parquet file.

        Naive instants are taken as UTC; strings are parsed.

        Raises:
            EntityRowsError: if there is no column of instants, or an instant is missing.
        """
        table = _without_nanoseconds(_as_table(source))
        timestamp = _timestamp_column(table)
        instants = _instants(table, timestamp)
        if instants.null_count:
            raise EntityRowsError(
                f"{instants.null_count} of {len(instants)} rows have no {timestamp!r}; give each row the instant at "
                "which its features are wanted"
            )
        position = table.column_names.index(timestamp)
        frame = source if isinstance(source, pl.DataFrame) else None
        return cls(table.set_column(position, timestamp, instants), timestamp, frame)

    @property
    def keys(self) -> list[str]:
        """All columns but the instant."""
        return [name for name in self.table.column_names if name != self.timestamp]

    def interval(self) -> tuple[datetime, datetime]:
        """First and last instant; without rows both are the epoch."""
        instants = pl.Series(self.table[self.timestamp])
        return (instants.min() or _EPOCH, instants.max() or _EPOCH)  # type: ignore[return-value]  # of datetimes

    def known(self) -> list[pl.Series]:
        """The columns by which each row's events are to have arrived, as `evaluate_as_known` takes them; nothing without `KNOWN`.

        Raises:
            EntityRowsError: one holds no times or no numbers, or a partition comes without its instant.
        """
        names = self.table.column_names
        if KNOWN not in names:
            return []
        known = [pl.Series(KNOWN, _instants(self.table, KNOWN))]
        if BEHIND not in names:
            return known
        partitions = pl.Series(BEHIND, self.table[BEHIND])
        if not partitions.dtype.is_integer() or BEHIND_KNOWN not in names:
            raise EntityRowsError(
                f"{BEHIND!r} takes numbers of partitions, with an instant of each in {BEHIND_KNOWN!r}; "
                f"entity_df has {partitions.dtype} and the columns {names}"
            )
        return [
            *known,
            partitions.cast(pl.Int64),
            pl.Series(BEHIND_KNOWN, _instants(self.table, BEHIND_KNOWN)),
        ]

    def keyed(self, view: str, columns: Mapping[str, str], types: Mapping[str, pl.DataType]) -> pl.DataFrame:
        """Join keys as the source names and types them, and `event_timestamp`; one row per row.

        Args:
            view: Name of the view, for errors.
            columns: Our column for each key of the source.
            types: Type of each key in the source.

        Raises:
            EntityRowsError: if a column is missing, or holds what cannot be compared with the source's key.
        """
        if missing := [ours for ours in columns.values() if ours not in self.table.column_names]:
            raise EntityRowsError(
                f"view {view!r} needs the join key {missing} in entity_df, which has {self.table.column_names}"
            )
        keys = [
            _comparable(view, ours, self._column(ours), types[theirs]).alias(theirs)
            for theirs, ours in columns.items()
        ]
        return pl.DataFrame([*keys, pl.Series(INSTANT, self.table[self.timestamp])])

    def _column(self, name: str) -> pl.Series:
        if self.frame is not None and name != self.timestamp:
            return self.frame[name]
        return pl.Series(_KEY, self.table[name])

    def with_features(self, features: Sequence[pl.DataFrame]) -> pa.Table:
        """Our columns followed by those of the features, which have as many rows.

        Raises:
            EntityRowsError: if a feature has the name of one of our columns.
        """
        table = self.table
        for frame in features:
            if taken := sorted({*table.column_names} & {*frame.columns}):
                raise EntityRowsError(
                    f"{taken} would stand twice in the result; drop it from entity_df or ask for full_feature_names"
                )
            for name, column in zip(frame.columns, frame.to_arrow().columns, strict=True):
                table = table.append_column(name, column)
        return table


def _as_table(source: Any) -> pa.Table:
    if isinstance(source, pd.DataFrame):
        return pa.Table.from_pandas(source, preserve_index=False)
    if isinstance(source, pl.DataFrame):
        return source.to_arrow()
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, str | Path) and Path(source).is_file():
        return pq.read_table(source)
    raise EntityRowsError(
        f"entity_df must be a pandas or polars dataframe, an arrow table or the path of a parquet file, not {source!r:.80}"
    )


def _without_nanoseconds(table: pa.Table) -> pa.Table:
    def in_microseconds(field: pa.Field) -> pa.Field:
        return (
            field.with_type(pa.timestamp("us", field.type.tz)) if pa.types.is_timestamp(field.type) else field
        )

    return table.cast(pa.schema(map(in_microseconds, table.schema), table.schema.metadata), safe=False)


def _timestamp_column(table: pa.Table) -> str:
    if INSTANT in table.column_names:
        return INSTANT
    times = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    if len(times) == 1:
        return times[0]
    raise EntityRowsError(
        f"entity_df needs a column {INSTANT!r} with the instant of each row; it has {table.column_names}"
    )


def _instants(table: pa.Table, column: str) -> pa.ChunkedArray:
    values = table[column]
    if pa.types.is_timestamp(values.type):
        # Arrow keeps instants as UTC whatever the zone, and takes naive ones as UTC.
        return values.cast(_UTC)
    try:
        parsed = pd.to_datetime(values.to_pandas(), utc=True, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise EntityRowsError(
            f"column {column!r} of entity_df holds {values.type}, not times: {error}"
        ) from error
    return pa.chunked_array([pa.array(parsed, type=_UTC, from_pandas=True, safe=False)])


def _comparable(view: str, column: str, ours: pl.Series, theirs: pl.DataType) -> pl.Series:
    """Our key in the source's type; a value that does not exist in that type becomes null and matches nothing."""
    if ours.dtype == theirs:
        return ours
    if ours.dtype.is_numeric() and theirs.is_numeric():
        cast = ours.cast(theirs, strict=False)
        return pl.select(pl.when(cast.cast(ours.dtype, strict=False) == ours).then(cast)).to_series()
    if ours.null_count() == len(ours):
        return pl.Series(ours.name, [None] * len(ours), dtype=theirs)
    if isinstance(ours.dtype, pl.Categorical | pl.Enum):
        return ours.cast(theirs, strict=False)
    raise EntityRowsError(
        f"view {view!r} has the join key {column!r} as {theirs}, entity_df has it as {ours.dtype}; convert it to match"
    )
