"""What a snapshot holds, and its manifest: the part that is read to find out whether the rest fits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

from ingestion.stream.positions import Positions
from ingestion.stream.units import Unit
from ingestion.windows.image import Image

FORMAT: Final = 1
"""Counted up when a snapshot of before can no longer be read; those are then refused, and the archive is folded."""

Entry = dict[str, Any]
"""Name of a file and what `read_image` must find: ``file``, ``bytes``, ``crc32``."""


@dataclass(frozen=True)
class SavedUnit:
    """One unit of a snapshot; what is written has an image, what is read an entry."""

    unit: Unit
    counted: frozenset[str]
    anew: bool
    pushed_to: str
    image: Image = field(default_factory=dict)
    entry: Entry = field(default_factory=dict)

    def as_json(self, entry: Entry) -> dict[str, Any]:
        """For the manifest."""
        unit = self.unit
        return {
            "view": unit.view,
            "share": unit.share,
            "shares": unit.shares,
            "definition": unit.definition,
            "counted": sorted(self.counted),
            "anew": self.anew,
            "pushed_to": self.pushed_to,
            "entry": entry,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """As `as_json` told it."""
        unit = Unit(saved["view"], saved["share"], saved["shares"], saved["definition"])
        counted = frozenset(saved["counted"])
        return cls(unit, counted, saved["anew"], saved["pushed_to"], entry=saved["entry"])


@dataclass(frozen=True)
class SavedGroup:
    """Units at one set of positions, with the repeat filter of that moment.

    Attributes:
        topic: Name of the topic.
        topic_id: What the broker calls the topic; another one: it was made anew since.
        positions: How far it has been taken in.
        newest_us: Newest event time; None before the first event.
        units: The units.
        repeats: Image of the repeat filter.
        entry: File of the repeat filter.
    """

    topic: str
    topic_id: str
    positions: Positions
    newest_us: int | None
    units: Sequence[SavedUnit]
    repeats: Image = field(default_factory=dict)
    entry: Entry = field(default_factory=dict)

    def as_json(self, entry: Entry, units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """For the manifest."""
        return {
            "topic": self.topic,
            "topic_id": self.topic_id,
            "positions": sorted(self.positions.items()),
            "newest_us": self.newest_us,
            "entry": entry,
            "units": list(units),
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Self:
        """As `as_json` told it."""
        units = [SavedUnit.from_json(unit) for unit in saved["units"]]
        positions = {int(number): int(offset) for number, offset in saved["positions"]}
        return cls(
            saved["topic"], saved["topic_id"], positions, saved["newest_us"], units, entry=saved["entry"]
        )


@dataclass(frozen=True)
class Snapshot:
    """State of a worker between two batches.

    Attributes:
        taken_us: When, Unix microseconds.
        groups: Its units.
        indexes: What the archives hold, as `ArchiveIndex.saved` tells it, by topic.
    """

    taken_us: int
    groups: Sequence[SavedGroup]
    indexes: Mapping[str, bytes]


@dataclass(frozen=True)
class Manifest:
    """A snapshot that lies in a store.

    Attributes:
        name: Name of its folder.
        taken_us: When it was taken, Unix microseconds.
        groups: Its units, without images.
        indexes: Entry of each topic's archive index.
    """

    name: str
    taken_us: int
    groups: Sequence[SavedGroup]
    indexes: Mapping[str, Entry]

    @classmethod
    def from_json(cls, name: str, saved: Mapping[str, Any]) -> Self:
        """Read one.

        Raises:
            ValueError: it has another format.
            KeyError: it lacks something.
        """
        if saved["format"] != FORMAT:
            raise ValueError(f"its format is {saved['format']}, this program reads {FORMAT}")
        groups = [SavedGroup.from_json(group) for group in saved["groups"]]
        return cls(name, saved["taken_us"], groups, saved["indexes"])

    def keeps(self) -> set[tuple[str, ...]]:
        """For what a snapshot is kept: each share of a view, and each archive index."""
        shares = {(u.unit.view, str(u.unit.share), str(u.unit.shares)) for g in self.groups for u in g.units}
        return shares | {(topic,) for topic in self.indexes}
