"""Checks of the event archive: batches of one event type, each a day or a run of days."""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from pathlib import Path

import polars as pl

from expectations.checking import CheckResult, check
from expectations.definitions import Store
from expectations.reports import Reports
from expectations.settings import QualitySettings
from expectations.shop import REFERENCES
from expectations.suites import BatchFacts, event_suite


@dataclass(frozen=True)
class Partition:
    """Archived events of one type, from one day to another, both included."""

    event: str
    first: date
    last: date
    files: tuple[Path, ...]

    @property
    def name(self) -> str:
        """``2024-05-01``, or ``2024-05-01_2024-05-31``."""
        days = dict.fromkeys((self.first.isoformat(), self.last.isoformat()))
        return "_".join(days)

    def read(self) -> pl.DataFrame:
        """All its rows; where a file lacks a column that the newest has, it is null."""
        return pl.read_parquet(
            list(self.files),
            glob=False,
            hive_partitioning=False,
            schema=pl.read_parquet_schema(self.files[-1]),
            missing_columns="insert",
        )


def partitions(
    settings: QualitySettings, events: Collection[str], days: Collection[date] = ()
) -> list[Partition]:
    """Archived days of the named event types, in order; all days unless some are named."""
    found = (_partition(event, folder) for event in events for folder in _day_folders(settings, event))
    return [p for p in found if p.files and (not days or p.first in days)]


def joined(found: Collection[Partition]) -> list[Partition]:
    """All days of an event type as one batch; `found` in the order of events and days."""
    return [_join(list(parts)) for _, parts in groupby(found, key=lambda partition: partition.event)]


def _join(parts: Sequence[Partition]) -> Partition:
    files = tuple(file for part in parts for file in part.files)
    return Partition(parts[0].event, parts[0].first, parts[-1].last, files)


def check_partitions(
    store: Store,
    found: Collection[Partition],
    settings: QualitySettings,
    reports: Reports,
    after_each: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Partition, CheckResult]]:
    """Hold each batch to its suite and keep the result; a failing batch does not stop the next."""
    known = known_keys(settings)
    for partition in found:
        frame = partition.read()
        suite = event_suite(store, partition.event, settings, _facts(partition, frame.height, known))
        result = check(frame, suite, examples=settings.failure_examples)
        reports.keep(result, suite, partition.name)
        after_each()
        yield partition, result


def known_keys(settings: QualitySettings) -> dict[str, set[str]]:
    """Values that the shop's tables name, for the columns of events that refer to them and the tables that exist."""
    folders = {column: settings.data_dir / "tables" / table for column, table in REFERENCES.items()}
    return {
        column: set(pl.read_parquet(files, columns=[column])[column])
        for column, folder in folders.items()
        if (files := sorted(folder.rglob("*.parquet")))
    }


def _facts(partition: Partition, rows: int, known: Mapping[str, Collection[str]]) -> BatchFacts:
    start = datetime.combine(partition.first, time(), UTC)
    end = datetime.combine(partition.last, time(), UTC) + timedelta(days=1)
    return BatchFacts(start=start, end=end, known_keys=known, rows=rows)


def _day_folders(settings: QualitySettings, event: str) -> list[Path]:
    return sorted((settings.data_dir / "archive" / event).glob("date=*"))


def _partition(event: str, folder: Path) -> Partition:
    files = {f for f in folder.glob("*.parquet") if not f.name.startswith((".", "_"))}
    day = date.fromisoformat(folder.name.removeprefix("date="))
    return Partition(event, day, day, tuple(sorted(_counting(files, folder))))


def _counting(files: set[Path], folder: Path) -> set[Path]:
    """The files that count while `python -m ingestion.compact` replaces some: it leaves records of what it does.

    They are read after the files were listed: what ceased to count since then is still there.
    """
    root = folder.parent
    for record in (root / "_joins").glob("*.json"):
        join = json.loads(record.read_bytes())
        file, replaced = root / join["file"], {root / name for name in join["replaces"]}
        files -= {file} if join["stage"] == "writing" else replaced
        if join["stage"] == "joined" and file.parent == folder:
            files |= {file}
    return files
