"""Days of the event archive, and runs of days."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Final

import polars as pl

from expectations.place import names, parquet_files, read_bytes, scan
from expectations.settings import QualitySettings

_DAY: Final = "date="


@dataclass(frozen=True)
class Partition:
    """Archived events of one type, from one day to another, both included."""

    event: str
    first: date
    last: date
    files: tuple[str, ...]

    @property
    def name(self) -> str:
        """``2024-05-01``, or ``2024-05-01_2024-05-31``."""
        days = dict.fromkeys((self.first.isoformat(), self.last.isoformat()))
        return "_".join(days)

    @property
    def start(self) -> datetime:
        """The instant at which its first day begins."""
        return datetime.combine(self.first, time(), UTC)

    @property
    def end(self) -> datetime:
        """The instant at which its last day is over."""
        return datetime.combine(self.last, time(), UTC) + timedelta(days=1)

    def read(self) -> pl.DataFrame:
        """All its rows; where a file lacks a column that the newest has, it is null."""
        return scan(self.files).collect()


def partitions(
    settings: QualitySettings, events: Collection[str], days: Collection[date] = ()
) -> list[Partition]:
    """Archived days of the named event types, in order; all days unless some are named."""
    folders = {event: f"{settings.archive_url}/{event}" for event in events}
    found = (
        _partition(event, folder, day)
        for event, folder in folders.items()
        for day in archived_days(folder)
        if not days or day in days
    )
    return [p for p in found if p.files]


def archived_days(folder: str) -> list[date]:
    """Days that an archive has, in order.

    Args:
        folder: Of one event type, a local path or a URL.
    """
    return [date.fromisoformat(name.removeprefix(_DAY)) for name in names(folder) if name.startswith(_DAY)]


def joined(found: Collection[Partition]) -> list[Partition]:
    """All days of an event type as one batch; `found` in the order of events and days."""
    return [_join(list(parts)) for _, parts in groupby(found, key=lambda partition: partition.event)]


def _join(parts: Sequence[Partition]) -> Partition:
    files = tuple(file for part in parts for file in part.files)
    return Partition(parts[0].event, parts[0].first, parts[-1].last, files)


def _partition(event: str, root: str, day: date) -> Partition:
    folder = f"{root}/{_DAY}{day.isoformat()}"
    return Partition(event, day, day, tuple(sorted(_counting(set(parquet_files(folder)), folder))))


def _counting(files: set[str], folder: str) -> set[str]:
    """The files that count while `python -m ingestion.compact` replaces some: it leaves records of what it does.

    They are read after the files were listed: what ceased to count since then is still there.
    """
    root = folder.rpartition("/")[0]
    for record in names(f"{root}/_joins"):
        if not record.endswith(".json"):
            continue
        join = json.loads(read_bytes(f"{root}/_joins/{record}"))
        file, replaced = f"{root}/{join['file']}", {f"{root}/{name}" for name in join["replaces"]}
        files -= {file} if join["stage"] == "writing" else replaced
        if join["stage"] == "joined" and file.rpartition("/")[0] == folder:
            files |= {file}
    return files
