"""What a stream worker serves: each event topic with its contract, its archive and the windows over it."""

from dataclasses import dataclass
from typing import Final, Protocol

import polars as pl

from ingestion.archive import ARRIVAL, Archive
from ingestion.erasures.tombstones import PERSON, Tombstones
from ingestion.events.contract import Contract
from ingestion.windows.spec import ViewSpec

NOBODY: Final = Tombstones()
"""No tombstones."""
_ERASED: Final = "~"
"""Stands in a definition before the version of the tombstones."""


class KeptTopic(Protocol):
    """A topic with its archive, whatever its messages are."""

    @property
    def name(self) -> str:
        """Name of the topic."""

    @property
    def archive(self) -> Archive:
        """Where its messages are kept."""


@dataclass(frozen=True)
class EventTopic:
    """One topic.

    Attributes:
        name: Name of the topic.
        contract: What its messages must look like.
        archive: Where its events are kept.
        lateness_us: How far behind the newest event another may be before it counts as late.
        dedup_horizon_us: How long after its last arrival an event id is recognised.
        specs: The windowed views over it; none: its events are only archived.
        definition: Tells whether anything but the views is defined anew.
        erased: Whose events are gone.
    """

    name: str
    contract: Contract
    archive: Archive
    lateness_us: int
    dedup_horizon_us: int
    specs: tuple[ViewSpec, ...]
    definition: str = ""
    erased: Tombstones = NOBODY

    @property
    def longest_us(self) -> int:
        """How long an event can count in one of its views."""
        return max((spec.longest_us for spec in self.specs), default=0)

    @property
    def columns(self) -> list[str]:
        """What windows and deduplication read of the archive."""
        wanted = [self.contract.timestamp_field, self.contract.event_id, ARRIVAL, "_partition", "_offset"]
        wanted += [PERSON] if self.erased.version else []
        return list(dict.fromkeys(wanted + [column for spec in self.specs for column in spec.columns]))

    def definition_of(self, spec: ViewSpec) -> str:
        """Of a view, and of whose events are not in its windows: with another one they are computed anew."""
        version = self.erased.version
        return f"{spec.definition_hash()}{_ERASED}{version}" if version else spec.definition_hash()

    def gone(self, events: pl.DataFrame) -> pl.Series:
        """True for events of those who were erased, shape (rows,)."""
        return self.erased.mask(events, (self.contract.timestamp_field, ARRIVAL))


def knows_of_erasures(definition: str) -> bool:
    """Whether windows of this definition were computed without somebody who was erased."""
    return _ERASED in definition
