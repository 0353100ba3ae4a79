"""What one Spark task reads of an archive: a run of its files, the very way the local store reads them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl
import pyarrow as pa

from ingestion.archive import Archive
from ingestion.shares import hashes_of, shares_of
from ingestion.spark.frames import to_batches

ORDER: Final = "__order"
"""Place of a row in the order of the archive."""
BUCKET: Final = "__bucket"
"""Number of the portion of entities that its key belongs to."""
HASH: Final = "__hash"
"""Of an event's id."""

_RUN: Final = 2**40
"""No run of files has more rows."""


@dataclass(frozen=True)
class Portions:
    """An archive's files of an interval, divided into runs.

    Attributes:
        archive: The archive.
        runs: Names of the files of each, in the order of the archive.
        like: The file whose columns and types all rows have.
        start: First event time.
        end: Last event time, not included.
    """

    archive: Archive
    runs: tuple[tuple[str, ...], ...]
    like: str
    start: datetime | None
    end: datetime | None

    def scan(self, run: int) -> pl.LazyFrame:
        """Rows of a run, with `ORDER`."""
        rows = self.archive.scan_files(self.runs[run], self.start, self.end, row_column=ORDER, like=self.like)
        return rows.with_columns(pl.col(ORDER).cast(pl.Int64) + run * _RUN)


@dataclass(frozen=True)
class Wanted:
    """What is read of each row.

    Attributes:
        columns: Columns.
        keys: Key columns, by which rows are put into buckets.
        buckets: How many there are.
        event_id: Column of the id, where repeats are to be known.
        suspects: Sorted hashes of the ids that more than one event has.
        only_suspects: Read those only, with `HASH`; otherwise all others.
    """

    columns: tuple[str, ...]
    keys: tuple[str, ...]
    buckets: int
    event_id: str | None = None
    suspects: tuple[int, ...] = ()
    only_suspects: bool = False


def read_events(
    portions: Portions, wanted: Wanted, schema: Mapping[str, pl.DataType], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Rows of the runs whose numbers come in."""
    for run in _numbers(batches):
        rows = portions.scan(run).select(*wanted.columns, ORDER).collect()
        if wanted.suspects and wanted.event_id:
            hashes = id_hashes(rows[wanted.event_id])
            is_suspect = hashes.is_in(list(wanted.suspects)).fill_null(value=False)
            rows = rows.with_columns(hashes.alias(HASH))
            rows = rows.filter(is_suspect if wanted.only_suspects else ~is_suspect)
        yield from to_batches(in_buckets(rows, wanted.keys, wanted.buckets), schema)


def read_hashes(
    portions: Portions, event_id: str, batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """Hashes of the ids of the runs whose numbers come in."""
    for run in _numbers(batches):
        ids = portions.scan(run).select(event_id).collect()[event_id].drop_nulls()
        yield from to_batches(pl.DataFrame([id_hashes(ids).alias(HASH)]), {HASH: pl.Int64()})


def id_hashes(ids: pl.Series) -> pl.Series:
    """64 bits of each id, null of null; the same on every machine."""
    hashes = pl.Series(hashes_of([ids]).view("int64"))
    return hashes.set(ids.is_null(), None) if ids.null_count() else hashes


def in_buckets(rows: pl.DataFrame, keys: Sequence[str], buckets: int) -> pl.DataFrame:
    """Rows with `BUCKET`; without keys all are one entity's."""
    numbers = shares_of([rows[key] for key in keys], buckets) if keys and rows.height else [0] * rows.height
    return rows.with_columns(pl.Series(BUCKET, numbers, dtype=pl.Int64))


def _numbers(batches: Iterator[pa.RecordBatch]) -> Iterator[int]:
    return (number for batch in batches for number in batch.column(0).to_pylist())
