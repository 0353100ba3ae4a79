"""How the work is divided: the windows of a view over one share of its entities are a unit, each unit belongs to a part."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import polars as pl

from ingestion.shares import shares_of
from ingestion.stream.catalogue import EventTopic
from ingestion.windows.spec import ViewSpec

PARTS: Final = 32
"""Partitions of the topic that the members of the group share."""
LEAD_PART: Final = 0
"""Whoever holds it leads: archives, keeps dead letters, commits."""


@dataclass(frozen=True, slots=True, order=True)
class Unit:
    """The entities of a view whose key falls into a share.

    Attributes:
        view: Name of the view.
        share: Number of the share, from 0.
        shares: How many there are.
        definition: What `EventTopic.definition_of` says of the view.
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
        (Unit(spec.name, share, shares, topic.definition_of(spec)), Work(topic, spec))
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
