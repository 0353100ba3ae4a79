"""How many bytes things take: windows, ids, Redis, archive, messages; measured on traffic of the simulated shop.

Events are spread over spans of different length, so that entities have few tiles and many; what an entity, a feature and a tile
take is fitted to what all views take together, each view and span weighing the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import nnls

from infra.capacity.definitions import Definitions, View
from infra.capacity.registry import view_of
from ingestion.archive import ARRIVAL, Archive
from ingestion.windows.dedup import RepeatFilter
from ingestion.windows.incremental import IncrementalExecutor
from ingestion.windows.spec import TIMESTAMP, ViewSpec
from tests.services import RunningKafka, RunningRedis

SPANS_SECONDS = (600, 6 * 3600, 5 * 86_400)
BATCH = 2_000
IDS = 400_000
STATE = (
    "state_key_bytes", "state_key_value_bytes", "state_tile_bytes", "state_tile_value_bytes", "state_distinct_bytes",
)  # fmt: skip
ARCHIVE = ("archive_value_bytes", "archive_float_bytes")
REDIS = ("redis_entity_bytes", "redis_row_bytes", "redis_value_bytes")
_US = 1_000_000


@dataclass(frozen=True)
class Filled:
    """Windows of a view with events in them.

    Attributes:
        view: The view.
        executor: The windows.
        counts: Keys, tiles, values in tiles, values that are counted once; counted in the events.
    """

    view: View
    executor: IncrementalExecutor
    counts: tuple[int, int, int, int]


@dataclass(frozen=True)
class Fit:
    """Costs of pieces, fitted to the cost of wholes.

    Attributes:
        costs: By name.
        worst: Largest difference between a whole and the sum of its pieces, of the whole.
    """

    costs: dict[str, float]
    worst: float


def fitted(names: Sequence[str], pieces: Sequence[Sequence[float]], wholes: Sequence[float]) -> Fit:
    """Costs, none below 0, that come nearest to the wholes, each by its own size.

    Args:
        names: Of the pieces.
        pieces: How many of each a whole has, shape (wholes, pieces).
        wholes: What they take.
    """
    weights = 1 / np.asarray(wholes, dtype=np.float64)
    shares = np.asarray(pieces, dtype=np.float64) * weights[:, None]
    costs, _ = nnls(shares, np.ones(len(weights)))
    return Fit(dict(zip(names, map(float, costs), strict=True)), float(np.abs(shares @ costs - 1).max()))


def spread(events: pl.DataFrame, time: str, seconds: float, end_us: int) -> pl.DataFrame:
    """The events evenly spaced over so long before an instant; they arrive when they happen."""
    steps = np.arange(events.height, dtype=np.int64) * int(seconds * _US) // events.height
    times = pl.Series(end_us - int(seconds * _US) + steps).cast(TIMESTAMP)
    return events.with_columns(times.alias(time), times.alias(ARRIVAL))


def filled(spec: ViewSpec, events: pl.DataFrame, end_us: int) -> Filled:
    """Windows that have taken events in, in batches as from Kafka, and stand at the instant behind them."""
    executor = IncrementalExecutor(spec)
    for start in range(0, events.height, BATCH):
        batch = events[start : start + BATCH]
        executor.update(batch)
        executor.advance(int(batch[spec.timestamp_column].to_physical()[-1]))
    executor.advance(end_us)
    executor.take_changed()
    return Filled(view_of(spec), executor, counted(spec, events, end_us))


def counted(spec: ViewSpec, events: pl.DataFrame, end_us: int) -> tuple[int, int, int, int]:
    """Keys, tiles, values in tiles and values that are counted once, of events that some window still covers."""
    keys, time = list(spec.join_keys), pl.col(spec.timestamp_column).to_physical()
    tiles = values = 0
    for hop, longest, features in view_of(spec).grids:
        hop_us = int(hop * _US)
        begin = (end_us // hop_us + 1) * hop_us - int(longest * _US)
        live = events.filter(time >= begin).select(*keys, (time // hop_us).alias("_tile")).n_unique()
        tiles, values = tiles + live, values + live * features
    covered = events.filter(time >= end_us - spec.longest_us)
    distinct = sum(
        events.filter(time >= end_us - f.window_us).select(*dict.fromkeys([*keys, f.column])).n_unique()
        for f in spec.features
        if f.function == "count_distinct"
    )
    return covered.select(keys).n_unique(), tiles, values, distinct


def state_fit(fills: Sequence[Filled]) -> Fit:
    """What keys, features, tiles and values take in the windows."""
    pieces = [
        (keys, keys * fill.view.features, tiles, values, distinct)
        for fill in fills
        for keys, tiles, values, distinct in [fill.counts]
    ]
    return fitted(STATE, pieces, [fill.executor.nbytes for fill in fills])


def id_bytes(ids: pl.Series) -> float:
    """Bytes of an event id that is remembered."""
    repeats = RepeatFilter(86_400 * _US)
    repeats.keep(ids, np.arange(len(ids), dtype=np.int64))
    return repeats.nbytes / len(repeats)


@dataclass(frozen=True)
class Stored:
    """What rows took in Redis.

    Attributes:
        fit: Of an entity, a row and a value.
        wire: Bytes on the wire per value.
    """

    fit: Fit
    wire: float


def stored(store: Any, redis: RunningRedis, fills: Sequence[Filled]) -> Stored:
    """Push the rows of all windows through the real store into a Redis that is emptied before each."""
    from ingestion.stores.push import push_rows

    pieces, wholes, wire, values = [], [], 0, 0
    with redis.client() as client:
        for group in _one_after_another(fills):
            client.execute_command("FLUSHALL", "SYNC")  # else it is freed beside what is measured
            begin, sent = int(client.info("memory")["used_memory"]), _sent(client)
            rows = value_count = 0
            for fill in group:
                frame = fill.executor.rows()
                push_rows(store, fill.view.name, frame)
                rows, value_count = rows + frame.height, value_count + frame.height * fill.view.features
            pieces.append((client.dbsize(), rows, value_count))
            wholes.append(int(client.info("memory")["used_memory"]) - begin)
            wire, values = wire + _sent(client) - sent, values + value_count
    return Stored(fitted(REDIS, pieces, wholes), wire / values)


def _one_after_another(fills: Sequence[Filled]) -> Iterator[Sequence[Filled]]:
    """Each view alone, and the views of one entity together, which share a key."""
    for fill in fills:
        yield [fill]
    for keys in sorted({fill.view.keys for fill in fills}):
        together = [fill for fill in fills if fill.view.keys == keys]
        if len(together) > 1:
            yield together


def _sent(client: Any) -> int:
    return int(client.info("stats")["total_net_input_bytes"])


def archived(folder: Path, events: dict[str, pl.DataFrame], definitions: Definitions) -> Fit:
    """Bytes of the columns of an event in files as large as those that `ingestion.compact` leaves."""
    topics = [topic for topic in definitions.topics if topic.name in events]
    rows = [events[topic.name].height for topic in topics]
    pieces = [
        (n * (topic.columns - topic.floats), n * topic.floats) for n, topic in zip(rows, topics, strict=True)
    ]
    return fitted(
        ARCHIVE, pieces, [written_bytes(folder, topic.name, events[topic.name]) for topic in topics]
    )


def written_bytes(folder: Path, topic: str, events: pl.DataFrame) -> int:
    """Size of the files of events that are archived at once, with their positions in Kafka."""
    archive = Archive(folder, topic)
    position = pl.lit(topic).alias("_topic"), pl.lit(0).alias("_partition")
    archive.write(events.with_columns(*position).with_row_index("_offset"))
    return sum(path.stat().st_size for path in (folder / "archive" / topic).rglob("*.parquet"))


def log_bytes(kafka: RunningKafka, topic: str) -> int:
    """Size of what the broker keeps of a topic."""
    folder = kafka.service.supervisor.folder
    return sum(
        path.stat().st_size for path in folder.rglob("*.log") if path.parent.name.rpartition("-")[0] == topic
    )
