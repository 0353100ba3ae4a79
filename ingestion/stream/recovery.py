"""Brings units up to date: the newest fitting snapshot of each, the archive behind it; where there is none, the archive.

Runs in a thread beside the running stream. What it hands back stands at offsets of Kafka; the rest is read from there.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Final

from ingestion.stream.archive_index import ArchiveIndex, Listing
from ingestion.stream.archived import Archived
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock
from ingestion.stream.fold import fold
from ingestion.stream.group import StateGroup
from ingestion.stream.log import say
from ingestion.stream.messages import Partition
from ingestion.stream.offsets import Start
from ingestion.stream.place import Broker, Place, place_of
from ingestion.stream.positions import later
from ingestion.stream.restoring import Restoring, say_why
from ingestion.stream.snapshot import Manifest
from ingestion.stream.snapshots import SnapshotStore, refuse
from ingestion.stream.units import Unit, Work
from ingestion.stream.warm_up import warm_up

log = logging.getLogger(__name__)

_QUICK_ROWS: Final = 100_000
"""A fold of more rows took a while: what was archived meanwhile is folded, too, before Kafka is asked for the rest."""


class CancelledError(Exception):
    """Nobody waits for the result any more."""


@dataclass(frozen=True)
class Wanted:
    """What shall be recovered.

    Attributes:
        units: What each unit computes.
        term: Term of the lead for which its place is looked up, too; 0: none.
        topics: Every topic.
    """

    units: Mapping[Unit, Work]
    term: int
    topics: Sequence[EventTopic]


@dataclass
class Recovered:
    """What was recovered.

    Attributes:
        wanted: What was asked for.
        groups: The units.
        starts: Where the lead continues each partition; empty when it was not asked for.
        archived: What of each topic is in the archive though no offset says so.
        numbers: Number of the next batch for the archive of each topic.
        events: How many events were folded.
    """

    wanted: Wanted
    groups: list[StateGroup] = field(default_factory=list)
    starts: dict[Partition, Start] = field(default_factory=dict)
    archived: dict[str, Archived] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    events: int = 0


class Recovery:
    """Recovers units from snapshots and archives.

    Args:
        broker: Kafka.
        indexes: What the archive of each topic holds.
        snapshots: Where snapshots are.
        new_clock: Makes what moves the windows while an archive is folded.
        cancelled: Set when nobody waits any more.
    """

    def __init__(
        self,
        broker: Broker,
        indexes: Mapping[str, ArchiveIndex],
        snapshots: SnapshotStore,
        new_clock: Callable[[], Clock],
        cancelled: Event,
    ) -> None:
        self._broker = broker
        self._indexes = indexes
        self._snapshots = snapshots
        self._new_clock = new_clock
        self._cancelled = cancelled

    def run(self, wanted: Wanted) -> Recovered:
        """Recover what is wanted.

        Raises:
            CancelledError: it was cancelled.
            FileNotFoundError: the archive was rearranged meanwhile; to be tried again.
        """
        recovered = Recovered(wanted)
        manifests = self._manifests()
        self._load_indexes(manifests)
        for topic in wanted.topics:
            works = {unit: work for unit, work in wanted.units.items() if work.topic.name == topic.name}
            if works:
                self._recover_units(topic, works, manifests, recovered)
            if wanted.term:
                # Before the archive is looked at: if another writer adds to it in between, our first batch is refused.
                recovered.numbers[topic.name] = topic.archive.next_number()
                place = self._place(topic)
                recovered.starts |= {(topic.name, number): start for number, start in place.starts.items()}
                recovered.archived[topic.name] = place.archived
        return recovered

    def _manifests(self) -> list[Manifest]:
        try:
            return list(self._snapshots.manifests())
        except Exception as error:  # noqa: BLE001  # whatever a far store may raise: it only saves time
            say(log, logging.ERROR, "snapshots are not reached: the archive is folded", reason=str(error))
            return []

    def _load_indexes(self, manifests: Sequence[Manifest]) -> None:
        for name, index in self._indexes.items():
            newest = next((m for m in manifests if name in m.indexes), None)
            if newest is not None and not index.listing.names:
                try:
                    index.load(self._snapshots.read(newest, newest.indexes[name])["index"].tobytes())
                except (OSError, ValueError, KeyError) as error:
                    refuse(newest.name, error)

    def _recover_units(
        self,
        topic: EventTopic,
        works: Mapping[Unit, Work],
        manifests: Sequence[Manifest],
        recovered: Recovered,
    ) -> None:
        warm_up(topic)
        place, topic_id = self._place(topic), self._broker.topic_ids([topic.name])[topic.name]
        groups = Restoring(self._snapshots, manifests, topic, topic_id, place).groups(works)
        missing = {u: w.spec for u, w in works.items() if not any(u in group.units for group in groups)}
        if missing:
            say_why(missing, manifests)
            fresh = StateGroup.fresh(topic, missing)
            for state in fresh.units.values():
                state.anew = place.is_anew
            groups.append(fresh)
        for group in groups:
            group.topic_id = topic_id
            recovered.events += self._catch_up(group, place)
        recovered.groups += groups

    def _catch_up(self, group: StateGroup, place: Place) -> int:
        """Fold what the archive has behind the group; returns how many events that were."""
        total = 0
        while True:
            rows = self._fold(group, place.listing)
            total += rows
            group.positions = _positions_behind(group, place)
            group.archived = place.archived.copy()
            if rows < _QUICK_ROWS or not group.is_settled:
                return total
            place = self._place(group.topic)

    def _fold(self, group: StateGroup, listing: Listing) -> int:
        def told(done: int, total: int) -> None:
            say(log, logging.INFO, "folding the archive", topic=group.topic.name, events=done, of=total)
            if self._cancelled.is_set():
                raise CancelledError

        return fold(group, listing, self._new_clock(), told)

    def _place(self, topic: EventTopic) -> Place:
        return place_of(topic, self._broker, self._indexes[topic.name])


def _positions_behind(group: StateGroup, place: Place) -> dict[int, int]:
    """Where a group stands once it has folded what is archived.

    Where offsets do not tell what is archived, it is read again from where the group was, and told apart by more than its
    offset.
    """
    if not group.positions:
        return place.offsets
    archived = {} if not place.archived.is_empty else place.listing.last_offsets()
    behind = {number: last + 1 for number, last in archived.items()}
    return {**place.offsets, **later(group.positions, behind)}
