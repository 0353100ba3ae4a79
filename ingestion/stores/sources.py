"""Where a Feast `FileSource` lies and how its rows are read and added."""

import os
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, Final

import polars as pl
from feast.data_source import DataSource
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig

from ingestion.archive import TIMESTAMP_TYPE, Archive
from ingestion.folder import Folder


class SourceError(ValueError):
    """A source that cannot be read as it is declared."""


def place(config: RepoConfig, path: str) -> str:
    """Full path or URL of something whose path is relative to the offline store's root."""
    if _is_absolute(path):
        return path
    root = str(config.offline_store.root)
    base = root if _is_absolute(root) else os.path.normpath(Path(config.repo_path or ".") / root)
    return base if not path else f"{base.rstrip('/')}/{path}"


class Source:
    """The files behind one `FileSource`: a folder of parquet files, one parquet file, or an archive of events.

    Args:
        config: Repository configuration; its offline store's root is where relative paths start.
        declared: The source as it is registered.

    Raises:
        SourceError: if it is no file source.
    """

    def __init__(self, config: RepoConfig, declared: DataSource | None) -> None:
        if not isinstance(declared, FileSource):
            kind = type(declared).__name__
            raise SourceError(
                f"this offline store reads parquet files; a {kind} needs another store, or a FileSource"
            )
        self.declared: Any = declared
        self.url = place(config, declared.path)
        self._is_archive = "event_id" in declared.tags
        path = PurePosixPath(self.url)
        self._file = path.name if path.suffix == ".parquet" else None
        self._folder = Folder(self.url.removesuffix(f"/{path.name}") if self._file else self.url)

    @property
    def archive(self) -> Archive:
        """The source as an archive, whose days are read one by one."""
        return Archive.at(self.url, timestamp_column=self.column(self.declared.timestamp_field))

    def column(self, name: str) -> str:
        """Name in the files of a column that the source's field mapping may rename."""
        return next((old for old, new in self.declared.field_mapping.items() if new == name), name)

    def is_empty(self) -> bool:
        """Whether nothing was written yet."""
        return self._newest() is None

    def schema(self) -> pl.Schema:
        """Columns and types of the newest file.

        Raises:
            SourceError: if there is none.
        """
        newest = self._newest()
        if newest is None:
            raise SourceError(f"{self.declared.name!r} has no rows yet in {self.url!r}; {_WAY_OUT}")
        return self._folder.schema(newest)

    def read(
        self,
        columns: Sequence[str],
        *,
        times: Sequence[str],
        start: datetime | None = None,
        end: datetime | None = None,
        absent: Mapping[str, pl.DataType] | None = None,
    ) -> pl.DataFrame:
        """Rows with ``start <= event time <= end`` (aware; None: without bound).

        Args:
            columns: Columns of the files to read.
            times: Those of them that hold times, the event time first; they become UTC microseconds, naive is UTC.
            start: First event time.
            end: Last event time, included.
            absent: Types of the columns for a folder that exists and is still empty.

        Raises:
            SourceError: nothing is there, or a column is missing or no time.
        """
        if absent is not None and self.is_empty() and self._folder.exists():
            return pl.DataFrame(schema=absent)
        schema = self.schema()
        if missing := [c for c in columns if c not in schema]:
            raise SourceError(
                f"{self.declared.name!r} ({self.url}) has no column {missing}; it has {sorted(schema)}"
            )
        rows = self._scan(start, end).select(*dict.fromkeys(columns))
        rows = rows.with_columns(
            utc_microseconds(time, schema[time]) for time in times if schema[time] != TIMESTAMP_TYPE
        )
        return rows.filter(*_between(times[0], start, end)).collect()

    def append(self, rows: pl.DataFrame, *, timestamp: str) -> None:
        """Add rows as new files; what is there stays untouched."""
        if rows.is_empty():
            return
        if self._is_archive:
            self.archive.write(rows)
        elif self._file:
            raise SourceError(
                f"{self.declared.name!r} is the single file {self.url!r}, which cannot be appended to; "
                "let the source's path be a folder"
            )
        else:
            first = int(rows[timestamp].dt.timestamp("us").min() or 0)  # type: ignore[arg-type]  # of integers
            self._folder.publish({f"{first:016d}-{uuid.uuid4().hex}.parquet": rows})

    def _names(self) -> list[str]:
        if self._file is None:
            return self._folder.files_below()
        return [self._file] if self._file in self._folder.files() else []

    def _newest(self) -> str | None:
        if self._is_archive:
            return self.archive.newest_file()
        names = self._names()
        return names[-1] if names else None

    def _scan(self, start: datetime | None, end: datetime | None) -> pl.LazyFrame:
        if not self._is_archive:
            return self._folder.scan(self._names())
        return self.archive.scan(start, end and end + timedelta(microseconds=1))


_WAY_OUT: Final = "write it first (`python -m ingestion.batch`) or check the offline store's root"


def utc_microseconds(column: str, kind: pl.DataType) -> pl.Expr:
    """The column as UTC microseconds; a naive time is UTC.

    Raises:
        SourceError: if it holds no times.
    """
    if not isinstance(kind, pl.Datetime | pl.Date):
        raise SourceError(f"column {column!r} must hold dates or times, it is {kind}; convert it first")
    time = pl.col(column).cast(pl.Datetime("us", getattr(kind, "time_zone", None)))
    if getattr(kind, "time_zone", None) is None:
        return time.dt.replace_time_zone("UTC")
    return time.dt.convert_time_zone("UTC")


def _between(column: str, start: datetime | None, end: datetime | None) -> list[pl.Expr]:
    bounds = ((start, pl.Expr.ge), (end, pl.Expr.le))
    return [
        compare(pl.col(column), pl.lit(bound.astimezone(UTC)).cast(TIMESTAMP_TYPE))
        for bound, compare in bounds
        if bound is not None
    ]


def _is_absolute(path: str) -> bool:
    return "://" in path or Path(path).is_absolute()
