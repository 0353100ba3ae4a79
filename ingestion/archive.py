"""The archive of one event type: the log of record, parquet files in one folder per day of the event time.

::

    <root>/archive/<name>/date=2024-05-01/1714521600000000-5f3a….parquet
                          |               `- first arrival in microseconds, so names sort by arrival
                          `- day of the event time: a late event lies in its own day

`python -m ingestion.compact` joins small files. A joined file has the name of the last one it replaces and eight more
digits, and it holds only rows with a position in Kafka: who remembers which files it has read, and up to which
positions, can tell the rows of a joined file apart by their offsets, and knows files of other rows by their names.
"""

import os
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, Self

import polars as pl

from ingestion.folder import Folder

ARRIVAL: Final = "arrival_timestamp"
TIMESTAMP_TYPE: Final = pl.Datetime("us", "UTC")
POSITION_TYPES: Final[Mapping[str, pl.DataType]] = {
    "_topic": pl.String(),
    "_partition": pl.Int32(),
    "_offset": pl.Int64(),
}
"""Where a row came from in Kafka; null for history that was loaded from files."""

_DAY: Final = "date="


class EmptyArchiveError(LookupError):
    """Nothing has been archived yet and the reader did not say which columns to expect."""


class Archive:
    """Parquet archive of one event type.

    Args:
        root: Folder of the offline store (local path or fsspec URL); the archive lies in ``archive/<name>`` below it.
        name: Name of the event type.
        timestamp_column: Column of the event time.

    Attributes:
        folder: Its files.
        timestamp_column: Column of the event time.
    """

    def __init__(
        self, root: str | os.PathLike[str], name: str, *, timestamp_column: str = "event_timestamp"
    ) -> None:
        self.folder = Folder(f"{str(root).rstrip('/')}/archive/{name}")
        self.timestamp_column = timestamp_column

    @classmethod
    def at(
        cls, folder: str | os.PathLike[str], *, timestamp_column: str = "event_timestamp", endpoint: str = ""
    ) -> Self:
        """Archive in a folder that lies elsewhere than in ``<root>/archive``."""
        archive = cls("", "", timestamp_column=timestamp_column)
        archive.folder = Folder(folder, endpoint=endpoint)
        return archive

    def write(self, frame: pl.DataFrame, *, number: int | None = None) -> list[str]:
        """Append events: every row or none is visible, and durable, when this returns.

        Args:
            frame: The contract's columns; event and arrival time as aware datetimes. Without an arrival time the
                event time is taken, without ``_topic``, ``_partition``, ``_offset`` they are null. The order of rows
                with equal times is kept.
            number: `next_number`, asked before the files are listed; later ones count on by one. None: others may
                write at the same time.

        Returns:
            Paths of the new files, one per day of the event time, each sorted by event time.

        Raises:
            ValueError: if a time column is naive, or an event time is null.
            OSError: the rows cannot be written.
            OvertakenError: another writer has written under this number.
        """
        if frame.is_empty():
            return []
        rows = self._complete(frame)
        days = rows.partition_by("__day", include_key=True, maintain_order=True)
        files = {_file_name(part): part.drop("__day") for part in days}
        return self.folder.publish(files, number=number)

    def next_number(self) -> int:
        """Number of the next `write`, where only one writer may write at a time."""
        return self.folder.next_number()

    def scan(
        self,
        start: datetime | None,
        end: datetime | None,
        columns: Sequence[str] | None = None,
        *,
        schema: Mapping[str, pl.DataType | type[pl.DataType]] | None = None,
    ) -> pl.LazyFrame:
        """Events with ``start <= event time < end`` (aware; None: without bound), in the order of days and arrival.

        Only the days asked for are opened; the bounds and later filters are pushed down to the files.

        Args:
            start: First event time.
            end: Event time at which to stop, not included.
            columns: Columns to read; all by default.
            schema: Columns and types of the result where nothing is archived in these days.

        Raises:
            EmptyArchiveError: nothing is archived at all and no schema was given.
        """
        names = self.files(start, end)
        rows = self.scan_files(names, start, end) if names else self._nothing(schema)
        return rows if columns is None else rows.select(columns)

    def scan_and_count(self, start: datetime | None, end: datetime | None) -> tuple[pl.LazyFrame, int]:
        """As `scan`, and how many rows the files that it opens have, which their footers tell.

        Raises:
            EmptyArchiveError: nothing is archived at all.
        """
        names = self.files(start, end)
        if not names:
            return self._nothing(None), 0
        return self.scan_files(names, start, end), self.folder.height(names)

    def scan_files(
        self,
        names: Sequence[str],
        start: datetime | None,
        end: datetime | None,
        *,
        row_column: str | None = None,
        like: str | None = None,
    ) -> pl.LazyFrame:
        """As `scan`, of the named files only.

        Args:
            names: At least one file.
            start: First event time.
            end: Event time at which to stop, not included.
            row_column: Where to number the rows of the files, from 0 on; None: nowhere.
            like: The file that has the columns and types of the result; None: the last one.
        """
        rows = self.folder.scan(names, row_column=row_column, like=like)
        return rows.filter(*self._bounds(start, end))

    def files(self, start: datetime | None = None, end: datetime | None = None) -> list[str]:
        """Names of the files of the days that ``[start, end)`` touches, by day and first arrival."""
        days = [f"{_DAY}{day}" for day in self._days_between(start, end)]
        return self.folder.files(*days) if days else []

    def days(self) -> list[date]:
        """Days of event time that have a folder, in order."""
        return [
            date.fromisoformat(name.removeprefix(_DAY))
            for name in self.folder.subfolders()
            if name.startswith(_DAY)
        ]

    def newest_file(self) -> str | None:
        """Name of the file of the latest day that arrived last; None when there is none. Opens one folder only."""
        for day in reversed(self.days()):
            if names := self.folder.files(f"{_DAY}{day}"):
                return names[-1]
        return None

    def _complete(self, frame: pl.DataFrame) -> pl.DataFrame:
        if ARRIVAL not in frame.columns:
            frame = frame.with_columns(pl.col(self.timestamp_column).alias(ARRIVAL))
        for column in (self.timestamp_column, ARRIVAL):
            _check_time(frame, column)
        missing = [
            pl.lit(None, kind).alias(name)
            for name, kind in POSITION_TYPES.items()
            if name not in frame.columns
        ]
        return (
            frame.with_columns(pl.col(self.timestamp_column, ARRIVAL).cast(TIMESTAMP_TYPE), *missing)
            .with_columns(pl.col(name).cast(kind) for name, kind in POSITION_TYPES.items())
            .sort(self.timestamp_column, maintain_order=True)
            .with_columns(pl.col(self.timestamp_column).dt.date().alias("__day"))
        )

    def _days_between(self, start: datetime | None, end: datetime | None) -> Iterable[date]:
        first = start.astimezone(UTC).date() if start else date.min
        last = (end.astimezone(UTC) - timedelta(microseconds=1)).date() if end else date.max
        return [day for day in self.days() if first <= day <= last]

    def _bounds(self, start: datetime | None, end: datetime | None) -> list[pl.Expr]:
        time = pl.col(self.timestamp_column)
        lower = [] if start is None else [time >= pl.lit(start.astimezone(UTC)).cast(TIMESTAMP_TYPE)]
        return lower if end is None else [*lower, time < pl.lit(end.astimezone(UTC)).cast(TIMESTAMP_TYPE)]

    def _nothing(self, schema: Mapping[str, pl.DataType | type[pl.DataType]] | None) -> pl.LazyFrame:
        if schema is not None:
            return pl.LazyFrame(schema=dict(schema))
        if newest := self.newest_file():
            return pl.LazyFrame(schema=self.folder.schema(newest))
        raise EmptyArchiveError(
            f"the archive {self.folder.url!r} is empty; archive some events first (`python -m ingestion.events`) "
            "or check the offline store's root"
        )


def _check_time(frame: pl.DataFrame, column: str) -> None:
    kind = frame.schema.get(column)
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise ValueError(
            f"column {column!r} must be a datetime with a time zone, it is {kind}; convert it to UTC first"
        )
    if count := frame[column].null_count():
        raise ValueError(
            f"column {column!r} has {count} null values; an event without a time cannot be archived"
        )


def _file_name(rows: pl.DataFrame) -> str:
    first_arrival_us = rows.select(pl.col(ARRIVAL).min().to_physical()).item()
    return f"{_DAY}{rows['__day'][0]}/{first_arrival_us:016d}-{uuid.uuid4().hex}.parquet"
