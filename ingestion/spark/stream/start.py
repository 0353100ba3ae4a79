"""Where a stream begins: the state of every share behind what is archived, computed once and kept beside the checkpoint."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import polars as pl
import pyarrow as pa
from pyspark.errors import AnalysisException

from ingestion.archive import ARRIVAL
from ingestion.erasures.tombstones import PERSON
from ingestion.spark.events import SparkEvents, runs_of
from ingestion.spark.frames import from_table, spark_schema, to_batches, to_table
from ingestion.spark.portions import BUCKET, ORDER, Portions
from ingestion.spark.stream.machines import ARRIVAL_ORDER, Repeats, Windows
from ingestion.spark.stream.packing import EVENTS, SHARE, by_share, together
from ingestion.spark.stream.processors import IMAGE, VIEW
from ingestion.stores.sources import Source
from ingestion.stream.archive_index import ArchiveIndex, Listing
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.image_file import as_bytes
from ingestion.stream.positions import Positions, from_positions
from ingestion.windows.spec import TIMESTAMP, ViewSpec

_PLACE: Final = {"partition": pl.Int64(), "position": pl.Int64()}
_IDS: Final = {SHARE: pl.Int64(), IMAGE: pl.Binary()}
_WINDOWS: Final = {VIEW: pl.String(), SHARE: pl.Int64(), IMAGE: pl.Binary()}
_PACKS: Final = {SHARE: pl.Int64(), EVENTS: pl.Binary()}
_TELLS: Final = ("_topic", PERSON)
"""Columns that tell which rows stand."""
_AHEAD: Final = timedelta(days=1)
"""Event times lie less far behind an arrival."""


@dataclass(frozen=True)
class Start:
    """What a new checkpoint begins with.

    Attributes:
        positions: Offset behind the last archived message of each partition.
        ids: Spark dataframe of the event ids that have arrived, by share: an image each.
        windows: Spark dataframe of the windows, by view and share: an image each.
    """

    positions: Positions
    ids: Any
    windows: Any


class Starts:
    """Computes starts.

    Args:
        session: The Spark session.
        shares: Into how many shares ids and entities are divided.
        portion_bytes: How much of an archive's files a task reads.
    """

    def __init__(self, session: Any, shares: int, portion_bytes: int) -> None:
        self._session = session
        self._shares = shares
        self._portion_bytes = portion_bytes

    def of(self, topic: EventTopic, source: Source, folder: str) -> Start:
        """The start that lies in a folder; computed now where none does.

        Args:
            topic: The topic.
            source: Its archive.
            folder: Where Spark keeps it.
        """
        read = self._session.read.parquet
        try:
            places = read(f"{folder}/positions").toArrow()
        except AnalysisException:
            self._compute(topic, source, folder)
            places = read(f"{folder}/positions").toArrow()
        positions = dict(zip(*(column.to_pylist() for column in places.columns), strict=True))
        return Start(positions, read(f"{folder}/ids"), read(f"{folder}/windows"))

    def _compute(self, topic: EventTopic, source: Source, folder: str) -> None:
        """Positions are written last: where they lie, everything does."""
        listing = ArchiveIndex(topic.archive, topic.name).refresh()
        positions = {number: last + 1 for number, last in listing.last_offsets().items()}
        _write(self._ids(topic, listing, positions), f"{folder}/ids")
        _write(self._windows(topic, source, listing, positions), f"{folder}/windows")
        rows = pl.DataFrame(sorted(positions.items()), schema=_PLACE, orient="row")
        _write(self._frame(rows, _PLACE), f"{folder}/positions")

    def _frame(self, rows: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> Any:
        return self._session.createDataFrame(to_table(rows, schema), spark_schema(schema))

    def _ids(self, topic: EventTopic, listing: Listing, positions: Positions) -> Any:
        since = (listing.newest_us() or 0) - 2 * topic.dedup_horizon_us
        names = sorted(set(listing.lines.filter(pl.col("last_us") >= since)["name"]))
        if not names:
            return self._frame(pl.DataFrame(schema=_IDS), _IDS)
        runs, _ = runs_of(names, topic.archive.folder.sizes(), self._portion_bytes)
        portions = Portions(topic.archive, runs, names[-1], None, None)
        told = partial(_read_ids, topic, portions, positions, since, self._shares)
        packs = self._session.range(0, len(runs), 1, len(runs)).mapInArrow(told, spark_schema(_PACKS))
        return packs.groupBy(SHARE).applyInArrow(_fold_ids(topic), spark_schema(_IDS))

    def _windows(self, topic: EventTopic, source: Source, listing: Listing, positions: Positions) -> Any:
        made = self._frame(pl.DataFrame(schema=_WINDOWS), _WINDOWS)
        newest_us = listing.newest_us()
        if newest_us is None:
            return made
        newest = datetime.fromtimestamp(newest_us / 1e6, UTC)
        for spec in topic.specs:
            events = SparkEvents.of(
                self._session, source, [spec], (newest, newest + _AHEAD), self._portion_bytes
            )
            if events is not None:
                rows = events.in_buckets(self._shares).read(spec, _TELLS)
                fold = _fold_windows(topic, spec, positions)
                made = made.union(rows.groupBy(BUCKET).applyInArrow(fold, spark_schema(_WINDOWS)))
        return made


def _write(rows: Any, folder: str) -> None:
    rows.write.mode("overwrite").parquet(folder)


def _read_ids(
    topic: EventTopic,
    portions: Portions,
    positions: Positions,
    since_us: int,
    shares: int,
    batches: Any,
) -> Any:
    """Ids and arrivals of the runs whose numbers come in, by share."""
    event_id = topic.contract.event_id
    for batch in batches:
        for run in batch.column(0).to_pylist():
            arrival = pl.col(ARRIVAL).cast(TIMESTAMP).to_physical()
            rows = portions.scan(run).filter(arrival >= since_us)
            wanted = [event_id, topic.contract.timestamp_field, *ARRIVAL_ORDER, *_TELLS]
            there = rows.collect_schema().names()
            ids = _standing(topic, rows.select(c for c in wanted if c in there).collect(), positions)
            found = [*by_share(ids, [event_id], shares)]
            yield from to_batches(pl.DataFrame(found, schema=_PACKS, orient="row"), _PACKS)


def _standing(topic: EventTopic, rows: pl.DataFrame, positions: Positions) -> pl.DataFrame:
    """The rows before the positions, and those that were never in the topic; of nobody who was erased."""
    ours = rows["_topic"].eq_missing(pl.Series([topic.name]))
    behind = from_positions(rows.filter(ours), positions)
    kept = rows.join(behind, on=["_topic", "_partition", "_offset"], how="anti", maintain_order="left")
    return kept.filter(~topic.gone(kept)) if topic.erased.version else kept


def _fold_ids(topic: EventTopic) -> Callable[[pa.Table], pa.Table]:
    def fold(packs: pa.Table) -> pa.Table:
        rows = together(packs[EVENTS].to_pylist(), ARRIVAL_ORDER)
        machine = Repeats(topic.contract.event_id, topic.dedup_horizon_us)
        assert rows is not None  # noqa: S101  # a group has rows
        machine.take(Repeats.entry(rows, topic.contract.event_id))
        return to_table(
            pl.DataFrame({SHARE: [packs[SHARE][0].as_py()], IMAGE: [as_bytes(machine.image())]}), _IDS
        )

    return fold


def _fold_windows(topic: EventTopic, spec: ViewSpec, positions: Positions) -> Callable[[pa.Table], pa.Table]:
    def fold(events: pa.Table) -> pa.Table:
        rows = from_table(events).sort(*ARRIVAL_ORDER, ORDER)
        machine, share = Windows(spec), int(rows[BUCKET][0])
        machine.fold(_standing(topic, rows, positions).drop(ORDER, BUCKET))
        image = as_bytes(machine.image())
        return to_table(pl.DataFrame({VIEW: [spec.name], SHARE: [share], IMAGE: [image]}), _WINDOWS)

    return fold
