"""The events of an archive that windows need: few columns of few days, without repeats, in parts that fit in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.archive import EmptyArchiveError
from ingestion.stores.passes import in_part, parts_of, row_bytes
from ingestion.stores.sources import Source, SourceError
from ingestion.windows.dedup import without_repeats
from ingestion.windows.grid import POSITION
from ingestion.windows.spec import ViewSpec

_SUSPECT: Final = "__suspect"
_KEPT: Final = "__kept"
_ROW: Final = "__row"
_HASH: Final = "__hash"

_HASH_BYTES: Final = 16
_EXECUTOR_BYTES: Final = 96
"""What the as-of executor holds of an event beside its columns."""


@dataclass(frozen=True)
class Events:
    """Events of an archive that count for some instant of an interval, for views that share the archive.

    All parts are read from the same files, whatever is archived meanwhile.

    Attributes:
        specs: The views; they have times, event ids and deduplication in common.
        rows: Scan of the archive, one deduplication horizon further back than the windows reach: an event that
            repeats an older one is recognised although the older one is in no window any more.
        upper_bound: Rows in the files of the scan.
        limit_bytes: How much memory reading and evaluating one part may take, about.
    """

    specs: Sequence[ViewSpec]
    rows: pl.LazyFrame
    upper_bound: int
    limit_bytes: int

    @classmethod
    def of(
        cls, source: Source, specs: Sequence[ViewSpec], first: datetime, end: datetime, limit_bytes: int
    ) -> "Events | None":
        """Events that count for some instant in ``[first, end]``; None when none were ever archived.

        Raises:
            SourceError: if the archive lacks a column that a feature aggregates.
        """
        start = first_that_counts(specs, first)
        try:
            rows, upper_bound = source.archive.scan_and_count(start, end)
        except EmptyArchiveError:
            return None
        check_columns(source, specs, rows.collect_schema().names())
        return cls(specs, rows, upper_bound, limit_bytes)

    def parts(self, spec: ViewSpec) -> int:
        """In how many parts the events of a view are to be read."""
        columns = self._columns(spec)
        each = 2 * row_bytes(self.rows.collect_schema(), columns) + 8 * len(spec.features) + _EXECUTOR_BYTES
        return parts_of(self.upper_bound, each, self.limit_bytes)

    def read(self, spec: ViewSpec, part: int = 0, parts: int = 1) -> pl.DataFrame:
        """Events of the keys of one part, in the order of the archive: keys, times, positions and values of a view."""
        if parts == 1 and spec.event_id_column and "_ids" not in vars(self):
            return self._read_once(spec, spec.event_id_column)
        chosen = in_part(spec.join_keys, part, parts)
        rows = self.rows if parts == 1 else self.rows.filter(chosen)
        if self._suspects.is_empty():
            return rows.select(self._wanted(spec)).collect()
        events = rows.select(*self._wanted(spec), self._is_suspect.alias(_SUSPECT)).collect()
        return self._without_repeats(events, chosen)

    def _read_once(self, spec: ViewSpec, event_id: str) -> pl.DataFrame:
        """All events together with the hashes of their ids, so that the files are opened once."""
        columns = self._columns(spec)
        counted = [event_id] if event_id in columns and self._is_only_counted(spec) else []
        wanted = [pl.col(column) for column in columns if column not in counted]
        events = self.rows.select(*wanted, self._hash(event_id).alias(_HASH)).collect()
        hashes = events[_HASH]
        vars(self)["_ids"] = _repeated(hashes.drop_nulls()), not hashes.has_nulls()
        present = [pl.when(pl.col(_HASH).is_not_null()).then(pl.lit(value=True)).alias(c) for c in counted]
        if self._suspects.is_empty():
            return events.select(*wanted, *present)
        suspect = pl.col(_HASH).is_in(self._suspects.implode()).fill_null(value=False).alias(_SUSPECT)
        return self._without_repeats(events.select(*wanted, *present, suspect), pl.lit(value=True))

    def _without_repeats(self, events: pl.DataFrame, chosen: pl.Expr) -> pl.DataFrame:
        counts = np.ones(events.height, dtype=np.bool_)
        counts[events[_SUSPECT].arg_true().to_numpy()] = self._verdicts.filter(chosen)[_KEPT].to_numpy()
        return events.drop(_SUSPECT).filter(counts)

    def _wanted(self, spec: ViewSpec) -> list[pl.Expr]:
        """An id that every event has, and that is only counted, is not read again."""
        only_counted = self._is_only_counted(spec) and self._every_event_has_an_id
        absent = spec.event_id_column if only_counted else None
        columns = (pl.lit(value=True).alias(c) if c == absent else pl.col(c) for c in self._columns(spec))
        return list(columns)

    @staticmethod
    def _is_only_counted(spec: ViewSpec) -> bool:
        """Whether no feature and no key asks more of the id than that it is there."""
        name = spec.event_id_column
        return name not in spec.join_keys and all(
            feature.function == "count" for feature in spec.features if feature.column == name
        )

    @staticmethod
    def _hash(event_id: str) -> pl.Expr:
        return pl.when(pl.col(event_id).is_not_null()).then(pl.col(event_id).hash())

    def _columns(self, spec: ViewSpec) -> list[str]:
        return columns_of(spec, self.rows.collect_schema().names())

    @property
    def _is_suspect(self) -> pl.Expr:
        name = self.specs[0].event_id_column or ""
        return pl.col(name).is_not_null() & pl.col(name).hash().is_in(self._suspects.implode())

    @property
    def _suspects(self) -> pl.Series:
        """Hashes of the ids that more than one event has; few, as repeats are."""
        return self._ids[0]

    @property
    def _every_event_has_an_id(self) -> bool:
        return self._ids[1]

    @cached_property
    def _ids(self) -> tuple[pl.Series, bool]:
        name = self.specs[0].event_id_column
        if name is None:
            return pl.Series(dtype=pl.UInt64), False
        slices = parts_of(self.upper_bound, _HASH_BYTES, self.limit_bytes)
        ids = self.rows.select(self._hash(name).alias(name))
        parts = [ids] if slices == 1 else [ids.filter(self._in_slice(name, i, slices)) for i in range(slices)]
        suspects, whole = [], True
        for part in parts:
            hashes = part.collect()[name]
            suspects.append(_repeated(hashes.drop_nulls()))
            whole = whole and not hashes.has_nulls()
        return pl.concat(suspects), whole

    @staticmethod
    def _in_slice(name: str, i: int, slices: int) -> pl.Expr:
        return pl.col(name).is_null() | (pl.col(name) % slices == i)

    @cached_property
    def _verdicts(self) -> pl.DataFrame:
        """For each event with a suspect hash, in the order of the scan: its keys, and whether it counts."""
        spec = self.specs[0]
        keys = dict.fromkeys(key for each in self.specs for key in each.join_keys)
        times = [spec.event_id_column, spec.timestamp_column, spec.arrival_column]
        has = self.rows.collect_schema().names()
        columns = dict.fromkeys([*keys, *(c for c in times if c), *(c for c in POSITION if c in has)])
        rows = self.rows.filter(self._is_suspect).select(*columns).collect().with_row_index(_ROW)
        kept = without_repeats(rows, spec)[_ROW]
        return rows.select(*keys, pl.col(_ROW).is_in(kept.implode()).alias(_KEPT))


def columns_of(spec: ViewSpec, has: Sequence[str]) -> list[str]:
    """What a view reads of an archive with certain columns: keys, times, positions and values.

    Without the id, unless a feature aggregates it: repeats are known by its hash.
    """
    times = [spec.timestamp_column, spec.arrival_column]
    values = [feature.column for feature in spec.features]
    position = [column for column in POSITION if column in has]
    return list(dict.fromkeys(c for c in (*spec.join_keys, *times, *position, *values) if c))


def check_columns(source: Source, specs: Sequence[ViewSpec], has: Sequence[str]) -> None:
    """Raises SourceError if an archive with certain columns lacks one that a feature aggregates."""
    if missing := sorted({c for spec in specs for c in spec.columns} - {*has}):
        raise SourceError(
            f"archive {source.url!r} has no column {missing}, which views aggregate; it has {sorted(has)}"
        )


def first_that_counts(specs: Sequence[ViewSpec], instant: datetime) -> datetime | None:
    """Event time from which on events count for some instant not before this one, or make out its repeats."""
    return _before(instant, max(spec.longest_us + spec.dedup_horizon_us for spec in specs))


def _repeated(hashes: pl.Series) -> pl.Series:
    in_order: NDArray[np.uint64] = np.sort(hashes.to_numpy())
    return pl.Series(np.unique(in_order[1:][in_order[1:] == in_order[:-1]]), dtype=pl.UInt64)


def _before(instant: datetime, microseconds: int) -> datetime | None:
    try:
        return instant.astimezone(UTC) - timedelta(microseconds=microseconds)
    except OverflowError:
        return None
