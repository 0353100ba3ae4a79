"""Archived rows in arrival order, in portions of bounded size, whatever files they lie in."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.archive import ARRIVAL, TIMESTAMP_TYPE
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.positions import Positions, from_positions

PORTION_ROWS: Final = 500_000
_POINTS_PER_PORTION: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Wanted:
    """Which archived rows are read.

    Attributes:
        lines: Lines of an `ArchiveIndex`.
        positions: Rows of Kafka before them are left out.
        start_us: Events before it are left out; None: none is.
    """

    lines: pl.DataFrame
    positions: Positions
    start_us: int | None = None

    @property
    def rows(self) -> int:
        """How many rows the files hold that are opened."""
        return int(self.lines["rows"].sum())


def portions(topic: EventTopic, wanted: Wanted, portion_rows: int = PORTION_ROWS) -> Iterator[pl.DataFrame]:
    """The columns that windows read, in arrival order; while one portion is used the next is read.

    Rows that arrived at one time are in one portion, so it may be larger than asked for.
    """
    cuts = _cuts(wanted.lines, portion_rows)
    with ThreadPoolExecutor(1, thread_name_prefix="archive") as reader:
        ahead = None
        for begin, end in pairwise(cuts):
            following = reader.submit(_read, topic, wanted, begin, end)
            if ahead is not None:
                yield ahead.result()
            ahead = following
        if ahead is not None:
            yield ahead.result()


def _cuts(lines: pl.DataFrame, portion_rows: int) -> list[int]:
    """Arrivals that bound the portions: half-open intervals, the last one ends behind the last arrival."""
    if lines.is_empty():
        return []
    points, weights = _spread(lines, portion_rows)
    order = np.argsort(points, kind="stable")
    reached = np.cumsum(weights[order])
    wanted = np.arange(portion_rows, reached[-1], portion_rows)
    inner = np.unique(points[order][np.searchsorted(reached, wanted)]).tolist()
    first, last = int(points.min()), int(lines["last_us"].max())  # type: ignore[arg-type]
    return [first, *(cut for cut in inner if first < cut <= last), last + 1]


def _spread(lines: pl.DataFrame, portion_rows: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Arrivals and how many rows each stands for: those of a file are taken to lie evenly in its interval."""
    rows = lines["rows"].to_numpy()
    counts = np.maximum(1, rows * _POINTS_PER_PORTION // portion_rows)
    line = np.repeat(np.arange(len(rows)), counts)
    step = np.arange(len(line)) - np.repeat(np.cumsum(counts) - counts, counts)
    first, last = lines["first_us"].to_numpy(), lines["last_us"].to_numpy()
    points = first[line] + (last - first)[line] * step // counts[line]
    return points.astype(np.int64), rows[line] / counts[line]


def _read(topic: EventTopic, wanted: Wanted, begin_us: int, end_us: int) -> pl.DataFrame:
    """Rows that arrived in the interval, in arrival order."""
    lines = wanted.lines.filter(pl.col("first_us") < end_us, pl.col("last_us") >= begin_us)
    placed = lines["partition"].is_not_null()
    bounds = [pl.col(ARRIVAL).is_between(_instant(begin_us), _instant(end_us), closed="left")]
    if wanted.start_us is not None:
        bounds.append(pl.col(topic.contract.timestamp_field) >= _instant(wanted.start_us))
    ours = pl.col("_topic").eq_missing(pl.lit(topic.name))
    of_kafka = _scan(topic, lines.filter(placed)["name"], [*bounds, ours])
    others = _scan(topic, lines.filter(~placed)["name"], [*bounds, ~ours])
    parts = [] if of_kafka is None else [from_positions(of_kafka, wanted.positions)]
    return pl.concat([*parts, *([] if others is None else [others])]).sort(ARRIVAL, "_partition", "_offset")


def _scan(topic: EventTopic, names: pl.Series, conditions: Sequence[pl.Expr]) -> pl.DataFrame | None:
    """Rows of the files; a column that none of them has yet is null. None: there are no files."""
    files = names.unique().sort().to_list()
    if not files:
        return None
    rows = topic.archive.folder.scan(files)
    there, types = rows.collect_schema(), topic.contract.polars_schema()
    absent = [pl.lit(None, types[name]).alias(name) for name in topic.columns if name not in there]
    return rows.filter(*conditions).with_columns(absent).select(topic.columns).collect()


def _instant(us: int) -> pl.Expr:
    return pl.lit(_EPOCH + timedelta(microseconds=us)).cast(TIMESTAMP_TYPE)
