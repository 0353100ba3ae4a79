"""The events of an archive that windows need, as a Spark dataframe: without repeats, in buckets of entities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from typing import Any, Final

import polars as pl

from ingestion.spark.frames import spark_schema
from ingestion.spark.portions import BUCKET, HASH, ORDER, Portions, Wanted, read_events, read_hashes
from ingestion.spark.tasks import judge
from ingestion.stores.events import check_columns, columns_of, first_that_counts
from ingestion.stores.sources import Source
from ingestion.windows.spec import ViewSpec

ADDED: Final[Mapping[str, pl.DataType]] = {ORDER: pl.Int64(), BUCKET: pl.Int64()}


@dataclass(frozen=True)
class SparkEvents:
    """Events that count for some instant of an interval.

    Attributes:
        session: The Spark session.
        portions: What its tasks read.
        types: Columns of the archive.
        buckets: Into how many portions the entities of a view are divided.
    """

    session: Any
    portions: Portions
    types: Mapping[str, pl.DataType]
    buckets: int

    @classmethod
    def of(
        cls,
        session: Any,
        source: Source,
        specs: Sequence[ViewSpec],
        interval: tuple[datetime, datetime],
        portion_bytes: int,
    ) -> "SparkEvents | None":
        """Events of an archive; None when none were ever archived.

        Args:
            session: The Spark session.
            source: The archive.
            specs: The views that are computed; they have times, event ids and deduplication in common.
            interval: First and last instant.
            portion_bytes: How much of the files a task reads, and about how much of them it computes.

        Raises:
            SourceError: if the archive lacks a column that a feature aggregates.
        """
        archive = source.archive
        newest = archive.newest_file()
        if newest is None:
            return None
        start = first_that_counts(specs, interval[0])
        names = archive.files(start, interval[1])
        types = archive.folder.schema(names[-1] if names else newest)
        check_columns(source, specs, list(types))
        runs, total = runs_of(names, archive.folder.sizes() if names else {}, portion_bytes)
        portions = Portions(archive, runs, names[-1] if names else newest, start, interval[1])
        cores = session.sparkContext.defaultParallelism
        return cls(session, portions, types, max(2 * cores, -(-total // portion_bytes)))

    def in_buckets(self, buckets: int) -> "SparkEvents":
        """The same with the entities of a view divided into so many portions."""
        return replace(self, buckets=buckets)

    def read(self, spec: ViewSpec, also: Sequence[str] = ()) -> Any:
        """Keys, times, positions and values of a view, `ORDER` and `BUCKET`, one row for each event that counts.

        Args:
            spec: The view.
            also: Further columns, where the archive has them.
        """
        more = [column for column in also if column in self.types]
        columns = list(dict.fromkeys([*columns_of(spec, list(self.types)), *more]))
        wanted = Wanted(tuple(columns), spec.join_keys, self.buckets)
        if not spec.event_id_column or not (suspects := self._suspects(spec.event_id_column)):
            return self._read(wanted, self._schema(columns))
        named = tuple(dict.fromkeys([*columns, spec.event_id_column]))
        others = replace(wanted, columns=named, event_id=spec.event_id_column, suspects=suspects)
        own = self._schema(columns)
        theirs = {**self._schema(named), HASH: pl.Int64()}
        judged = self._read(replace(others, only_suspects=True), theirs).repartition(HASH)
        kept = judged.mapInArrow(partial(judge, spec, own), spark_schema(own))
        return self._read(others, own).union(kept)

    def _schema(self, columns: Sequence[str]) -> dict[str, pl.DataType]:
        return {**{column: self.types[column] for column in columns}, **ADDED}

    def _read(self, wanted: Wanted, schema: Mapping[str, pl.DataType]) -> Any:
        task = partial(read_events, self.portions, wanted, schema)
        return self._tasks().mapInArrow(task, spark_schema(schema))

    def _tasks(self) -> Any:
        """One partition for each run of files."""
        runs = len(self.portions.runs)
        return self.session.range(0, runs, 1, max(1, runs))

    @cached_property
    def _known(self) -> dict[str, tuple[int, ...]]:
        return {}

    def _suspects(self, event_id: str) -> tuple[int, ...]:
        """Sorted hashes of the ids that more than one event has; few, as repeats are."""
        if event_id not in self._known:
            hashes = self._tasks().mapInArrow(
                partial(read_hashes, self.portions, event_id), spark_schema({HASH: pl.Int64()})
            )
            repeated = hashes.groupBy(HASH).count().where("count > 1").select(HASH)
            self._known[event_id] = tuple(sorted(repeated.toArrow()[HASH].to_pylist()))
        return self._known[event_id]


def runs_of(
    names: Sequence[str], sizes: Mapping[str, int], most: int
) -> tuple[tuple[tuple[str, ...], ...], int]:
    """Neighbouring files together as long as they have no more bytes than this; and the bytes of all."""
    runs: list[list[str]] = []
    held = total = 0
    for name in names:
        size = sizes.get(name, 0)
        if not runs or held + size > most:
            runs.append([])
            held = 0
        runs[-1].append(name)
        held, total = held + size, total + size
    return tuple(map(tuple, runs)), total
