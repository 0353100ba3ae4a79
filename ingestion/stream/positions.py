"""How far the partitions of one topic have been taken in, and which rows are behind that. Hot path."""

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.stream.messages import Partition

Positions = Mapping[int, int]
"""Offset behind the last message taken in, by number of the partition."""


Value = TypeVar("Value")


def of_topic(topic: str, places: Mapping[Partition, Value]) -> dict[int, Value]:
    """What is said of one topic's partitions, by number."""
    return {number: value for (name, number), value in places.items() if name == topic}


def later(one: Positions, other: Positions) -> dict[int, int]:
    """The later of both, for every partition that one of them has."""
    return {number: max(one.get(number, 0), other.get(number, 0)) for number in one.keys() | other.keys()}


def reaches(one: Positions, other: Positions) -> bool:
    """Whether `one` is nowhere behind `other`."""
    return all(one.get(number, 0) >= offset for number, offset in other.items())


def from_positions(rows: pl.DataFrame, positions: Positions) -> pl.DataFrame:
    """The rows at or behind the positions, in their order; a partition without one has all of its rows."""
    if rows.is_empty() or not positions:
        return rows
    fresh = is_from(rows["_partition"].to_numpy(), rows["_offset"].to_numpy(), positions)
    return rows if fresh.all() else rows.filter(pl.Series(fresh))


def is_from(partitions: NDArray[Any], offsets: NDArray[Any], positions: Positions) -> NDArray[np.bool_]:
    """True where an offset is at or behind its partition's position, shape (rows,)."""
    first = np.zeros(max(int(partitions.max()), *positions) + 1, dtype=np.int64)
    for number, offset in positions.items():
        first[number] = offset
    return np.asarray(offsets >= first[partitions])
