"""How the work is divided: the windows of a view over one share of its entities are a unit, each unit belongs to a part."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from ingestion.stream.catalogue import EventTopic
from ingestion.windows.spec import ViewSpec

PARTS: Final = 32
"""Partitions of the topic that the members of the group share."""
LEAD_PART: Final = 0
"""Whoever holds it leads: archives, keeps dead letters, commits."""

Ints = NDArray[np.int64]
_OFFSET_BASIS: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """The entities of a view whose key falls into a share.

    Attributes:
        view: Name of the view.
        share: Number of the share, from 0.
        shares: How many there are.
        definition: `ViewSpec.definition_hash` of the view.
    """

    view: str
    share: int
    shares: int
    definition: str

    @property
    def name(self) -> str:
        """``view/share``."""
        return f"{self.view}/{self.share}"

    @property
    def part(self) -> int:
        """The part whose holder keeps the unit."""
        return crc32(self.name.encode()) % PARTS

    def replaces(self, other: "Unit") -> bool:
        """Whether the other one is the same share of the same view, as it was defined before."""
        return self != other and (self.view, self.share, self.shares) == (
            other.view,
            other.share,
            other.shares,
        )


@dataclass(frozen=True)
class Work:
    """What a unit computes: a view over a topic."""

    topic: EventTopic
    spec: ViewSpec


def units_of(topics: Iterable[EventTopic], shares: int, parts: frozenset[int]) -> dict[Unit, Work]:
    """The units of all views that belong to these parts."""
    every = (
        (Unit(spec.name, share, shares, spec.definition_hash()), Work(topic, spec))
        for topic in topics
        for spec in topic.specs
        for share in range(shares)
    )
    return {unit: work for unit, work in every if unit.part in parts}


def of_share(events: pl.DataFrame, keys: Sequence[str], unit: Unit) -> pl.DataFrame:
    """The events of the unit's entities, in their order."""
    if unit.shares == 1 or events.is_empty():
        return events
    return events.filter(pl.Series(shares_of([events[key] for key in keys], unit.shares) == unit.share))


def shares_of(keys: Sequence[pl.Series], shares: int) -> Ints:
    """Share of each row's key, shape (rows,): by 64-bit FNV-1a of its text, the same everywhere and for good."""
    hashes = np.full(len(keys[0]), _OFFSET_BASIS)
    for key in keys:
        text = key.cast(pl.String).fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, data = text.buffers()
        ends = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
        _mix(ends, np.frombuffer(data, dtype=np.uint8) if data else np.empty(0, dtype=np.uint8), hashes)
    return ((hashes ^ (hashes >> np.uint64(32))) % np.uint64(shares)).astype(np.int64)


@njit(cache=True, nogil=True)
def _mix(ends, data, hashes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for row in range(len(hashes)):
        mixed = hashes[row]
        for at in range(ends[row], ends[row + 1]):
            mixed = (mixed ^ np.uint64(data[at])) * _PRIME
        # A byte that no text has: ("ab", "c") is another key than ("a", "bc").
        hashes[row] = (mixed ^ np.uint64(0xFF)) * _PRIME
