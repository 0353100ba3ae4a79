"""Where a Feast `FileSource` lies and how its rows are read and added."""

import os
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any, Final

import polars as pl
from feast.data_format import ParquetFormat
from feast.data_source import DataSource
from feast.infra.offline_stores.file_source import FileSource
from feast.repo_config import RepoConfig

from ingestion.archive import Archive
from ingestion.folder import Folder
from ingestion.stores import single_file
from ingestion.stores.table import Table


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
        SourceError: if it is no source of parquet files.
    """

    def __init__(self, config: RepoConfig, declared: DataSource | None) -> None:
        if not isinstance(declared, FileSource):
            kind = type(declared).__name__
            raise SourceError(
                f"this offline store reads parquet files; a {kind} needs another store, or a FileSource"
            )
        if declared.file_format is not None and not isinstance(declared.file_format, ParquetFormat):
            kind = type(declared.file_format).__name__
            raise SourceError(
                f"this offline store reads parquet files, {declared.name!r} has {kind}; read it with another store, "
                "or write it as parquet"
            )
        self.declared: Any = declared
        self.url = place(config, declared.path)
        self._is_archive = "event_id" in declared.tags
        path = PurePosixPath(self.url)
        self._file = path.name if path.suffix == ".parquet" else None
        self._endpoint = declared.s3_endpoint_override or ""
        url = self.url.removesuffix(f"/{path.name}") if self._file else self.url
        self._folder = Folder(url, endpoint=self._endpoint)

    @property
    def files(self) -> Folder | Path:
        """Folder of the files, or the one file.

        Raises:
            SourceError: if it is a single file behind a URL.
        """
        if self._file is None:
            return self._folder
        if "://" in self.url.removeprefix("file://"):
            raise SourceError(f"{self.declared.name!r} is the single file {self.url!r}, {_IMMUTABLE}")
        return Path(self.url.removeprefix("file://"))

    @property
    def times(self) -> tuple[str, ...]:
        """Columns of the files with the times of a row."""
        names = (self.declared.timestamp_field, self.declared.created_timestamp_column)
        return tuple(self.column(name) for name in names if name)

    @property
    def is_archive(self) -> bool:
        """Whether it holds events."""
        return self._is_archive

    @property
    def archive(self) -> Archive:
        """The source as an archive, whose days are read one by one."""
        timestamp = self.column(self.declared.timestamp_field)
        return Archive.at(self.url, timestamp_column=timestamp, endpoint=self._endpoint)

    def column(self, name: str) -> str:
        """Name in the files of a column that the source's field mapping may rename."""
        return next((old for old, new in self.declared.field_mapping.items() if new == name), name)

    def is_empty(self) -> bool:
        """Whether nothing was written yet."""
        return self._newest() is None

    def is_empty_folder(self) -> bool:
        """Whether there is a folder to which nothing was written yet: a table without rows, not a wrong path."""
        return self.is_empty() and self._folder.exists()

    def stored_types(self) -> dict[str, pl.DataType]:
        """Columns and types of the newest file; none where nothing was written yet."""
        newest = self._newest()
        return {} if newest is None else dict(self._folder.schema(newest))

    def schema(self) -> pl.Schema:
        """Columns and types of the newest file.

        Raises:
            SourceError: if there is none.
        """
        newest = self._newest()
        if newest is None:
            raise SourceError(f"{self.declared.name!r} has no rows yet in {self.url!r}; {_WAY_OUT}")
        return self._folder.schema(newest)

    def table(
        self,
        columns: Sequence[str],
        *,
        times: Sequence[str],
        start: datetime | None = None,
        end: datetime | None = None,
    ) -> Table:
        """The files that hold rows of an interval.

        Args:
            columns: Columns of the files that will be read.
            times: Those of them that hold times, the event time first.
            start: First event time.
            end: Last event time, included.

        Raises:
            SourceError: nothing is there, or a column is missing or no time.
        """
        schema = self.schema()
        if missing := [c for c in columns if c not in schema]:
            raise SourceError(
                f"{self.declared.name!r} ({self.url}) has no column {missing}; it has {sorted(schema)}"
            )
        for time in times:
            if not isinstance(schema[time], pl.Datetime | pl.Date):
                raise SourceError(
                    f"column {time!r} must hold dates or times, it is {schema[time]}; convert it first"
                )
        return Table(self._folder, self._names(start, end) or [self._newest() or ""], times)

    def append(self, rows: pl.DataFrame, *, timestamp: str) -> None:
        """Add rows as new files; what is there stays untouched. A table that is a single file becomes longer.

        Raises:
            SourceError: if it is a single file behind a URL, which nobody can replace safely beside other writers.
        """
        if rows.is_empty():
            return
        if self._is_archive:
            self.archive.write(rows)
        elif isinstance(file := self.files, Path):
            single_file.append(file, rows)
        else:
            first = int(rows[timestamp].dt.timestamp("us").min() or 0)  # type: ignore[arg-type]  # of integers
            self._folder.publish({f"{first:016d}-{uuid.uuid4().hex}.parquet": rows})

    def _names(self, start: datetime | None = None, end: datetime | None = None) -> list[str]:
        if self._is_archive:
            return self.archive.files(start, end and end + timedelta(microseconds=1))
        if self._file is None:
            return self._folder.files_below()
        return [self._file] if self._file in self._folder.files() else []

    def _newest(self) -> str | None:
        if self._is_archive:
            return self.archive.newest_file()
        names = self._names()
        return names[-1] if names else None


_IMMUTABLE: Final = "which cannot be appended to or replaced; let the source's path be a folder"
_WAY_OUT: Final = "write it first (`python -m ingestion.batch`) or check the offline store's root"


def _is_absolute(path: str) -> bool:
    return "://" in path or Path(path).is_absolute()
