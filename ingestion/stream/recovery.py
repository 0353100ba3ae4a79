"""Brings units up to date: the newest fitting snapshot of each, the archive behind it; where there is none, the archive.

Runs in a thread beside the running stream. What it hands back stands at offsets of Kafka; the rest is read from there.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Final, Protocol

from ingestion.stream.archive_index import ArchiveIndex, Listing
from ingestion.stream.archived import Archived
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock
from ingestion.stream.fold import fold
from ingestion.stream.group import StateGroup, UnitState
from ingestion.stream.log import say
from ingestion.stream.messages import Partition
from ingestion.stream.offsets import Known, Reason, Start, starts
from ingestion.stream.positions import later, of_topic
from ingestion.stream.snapshot import Manifest, SavedGroup, SavedUnit
from ingestion.stream.snapshots import SnapshotStore, refuse
from ingestion.stream.units import Unit, Work
from ingestion.stream.warm_up import warm_up
from ingestion.windows.dedup import RepeatFilter
from ingestion.windows.image import Image
from ingestion.windows.incremental import IncrementalExecutor

log = logging.getLogger(__name__)

_ATTEMPTS: Final = 5
_QUICK_ROWS: Final = 100_000
"""A fold of more rows took a while: what was archived meanwhile is folded, too, before Kafka is asked for the rest."""


class CancelledError(Exception):
    """Nobody waits for the result any more."""


class Broker(Protocol):
    """What is asked of Kafka."""

    def committed(self, topics: Iterable[str]) -> dict[Partition, int | None]:
        """Committed offset of every partition of the topics."""

    def bounds(self, places: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """First offset that is still there and offset of the next message."""

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """What the broker calls the topics."""

    def close(self) -> None:
        """Ask no more."""


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
        events: How many events were folded.
    """

    wanted: Wanted
    groups: list[StateGroup] = field(default_factory=list)
    starts: dict[Partition, Start] = field(default_factory=dict)
    archived: dict[str, Archived] = field(default_factory=dict)
    events: int = 0


@dataclass(frozen=True)
class Place:
    """Where a topic is continued, and what is archived of it, at one moment.

    Attributes:
        starts: Where each partition is continued.
        ends: Offset of the next message of each partition.
        listing: What is archived.
        archived: What is archived though no offset says so.
    """

    starts: Mapping[int, Start]
    ends: Mapping[int, int]
    listing: Listing
    archived: Archived

    @property
    def offsets(self) -> dict[int, int]:
        """First offset of each partition that is not archived."""
        return {number: start.offset for number, start in self.starts.items()}


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
        """
        recovered = Recovered(wanted)
        manifests = list(self._snapshots.manifests())
        self._load_indexes(manifests)
        for topic in wanted.topics:
            works = {unit: work for unit, work in wanted.units.items() if work.topic.name == topic.name}
            if works:
                self._recover_units(topic, works, manifests, recovered)
            if wanted.term:
                self._recover_lead(topic, recovered)
        return recovered

    def _load_indexes(self, manifests: Sequence[Manifest]) -> None:
        for name, index in self._indexes.items():
            newest = next((m for m in manifests if name in m.indexes), None)
            if newest is not None:
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
        groups = self._restored(
            topic, works, _fitting(manifests, topic.name, topic_id, place.ends), place.listing
        )
        missing = {u: w.spec for u, w in works.items() if not any(u in group.units for group in groups)}
        if missing:
            _say_refolding(missing, manifests)
            fresh = StateGroup.fresh(topic, missing)
            for state in fresh.units.values():
                state.anew = any(start.reason is Reason.TOPIC_ANEW for start in place.starts.values())
            groups.append(fresh)
        for group in groups:
            group.topic_id = topic_id
            recovered.events += self._catch_up(group, place)
        recovered.groups += groups

    def _recover_lead(self, topic: EventTopic, recovered: Recovered) -> None:
        place = self._place(topic)
        recovered.starts |= {(topic.name, number): start for number, start in place.starts.items()}
        recovered.archived[topic.name] = place.archived

    def _place(self, topic: EventTopic) -> Place:
        """Ask in this order: what is committed is archived by then, and what is archived was in Kafka."""
        committed = self._broker.committed([topic.name])
        listing = _again(self._indexes[topic.name].refresh)
        last = listing.last_offsets()
        bounds = self._broker.bounds(committed)
        known = {
            place: Known(*bounds[place], offset, last.get(place[1])) for place, offset in committed.items()
        }
        where = of_topic(topic.name, starts(known))
        skips = {
            number: bounds[topic.name, number][1] for number, start in where.items() if start.skips_archived
        }
        archived = Archived.none()
        if skips and last:
            archived = Archived.read(topic.archive, topic.name, sorted(listing.names), skips)
        return Place(where, {number: high for (_, number), (_, high) in bounds.items()}, listing, archived)

    def _catch_up(self, group: StateGroup, place: Place) -> int:
        """Fold what the archive has behind the group; returns how many events that were."""
        total = 0
        while True:
            is_restored = bool(group.positions)
            rows = self._fold(group, place.listing)
            total += rows
            if is_restored:
                archived = {number: last + 1 for number, last in place.listing.last_offsets().items()}
                group.positions = {**place.offsets, **later(group.positions, archived)}
            else:
                group.positions, group.archived = place.offsets, place.archived
            if rows < _QUICK_ROWS or not group.is_settled:
                return total
            place = self._place(group.topic)

    def _fold(self, group: StateGroup, listing: Listing) -> int:
        def told(done: int, total: int) -> None:
            say(log, logging.INFO, "folding the archive", topic=group.topic.name, events=done, of=total)
            if self._cancelled.is_set():
                raise CancelledError

        return fold(group, listing, self._new_clock(), told)

    def _restored(
        self,
        topic: EventTopic,
        works: Mapping[Unit, Work],
        fitting: Iterable[tuple[Manifest, SavedGroup]],
        listing: Listing,
    ) -> list[StateGroup]:
        """Groups of the units that have a snapshot, each from its newest."""
        left, groups = dict(works), list[StateGroup]()
        for manifest, saved in fitting:
            units = [u for u in saved.units if u.unit in left and _can_be_continued(u, listing)]
            for group in self._restore(topic, manifest, saved, units, left):
                groups.append(group)
                for unit in group.units:
                    del left[unit]
        return groups

    def _restore(
        self,
        topic: EventTopic,
        manifest: Manifest,
        saved: SavedGroup,
        units: Sequence[SavedUnit],
        works: Mapping[Unit, Work],
    ) -> list[StateGroup]:
        """One group for all units that hold the same rows that have no place in Kafka; none where the snapshot is broken."""
        groups = []
        try:
            for counted in {unit.counted for unit in units}:
                states = {
                    u.unit: UnitState(
                        works[u.unit].spec,
                        IncrementalExecutor.from_image(
                            works[u.unit].spec, self._snapshots.read(manifest, u.entry)
                        ),
                        counted,
                        u.anew,
                        u.pushed_to,
                    )
                    for u in units
                    if u.counted == counted
                }
                group = StateGroup(topic, states, saved.positions)
                group.repeats = _filter(topic, self._snapshots.read(manifest, saved.entry))
                group.lateness.newest_us = saved.newest_us
                groups.append(group)
        except (OSError, ValueError, KeyError, TypeError, MemoryError) as error:
            refuse(manifest.name, error)
            return []
        if groups:
            say(log, logging.INFO, "restored", snapshot=manifest.name, topic=topic.name, units=len(units))
        return groups


def _fitting(
    manifests: Sequence[Manifest], topic: str, topic_id: str, ends: Mapping[int, int]
) -> Iterator[tuple[Manifest, SavedGroup]]:
    """Groups of the topic, newest first, whose positions are positions of the topic as it is today."""
    for manifest in manifests:
        for saved in manifest.groups:
            is_there = all(offset <= ends.get(number, 0) for number, offset in saved.positions.items())
            if (saved.topic, saved.topic_id) == (topic, topic_id) and is_there:
                yield manifest, saved


def _can_be_continued(saved: SavedUnit, listing: Listing) -> bool:
    """Whether the archive still tells which of its rows the unit holds.

    A file whose rows are told by its name may have been replaced by one that holds them beside others.
    """
    replaced = saved.counted - listing.names
    return not (replaced and (saved.anew or listing.unplaced - saved.counted))


def _say_refolding(missing: Iterable[Unit], manifests: Sequence[Manifest]) -> None:
    held = {saved.unit for m in manifests for group in m.groups for saved in group.units}
    for unit in missing:
        changed = any(unit.replaces(other) for other in held)
        why = "its definition has changed" if changed else "no snapshot of it fits"
        say(log, logging.INFO, "computing from the archive", view=unit.view, share=unit.share, why=why)


def _filter(topic: EventTopic, image: Image) -> RepeatFilter:
    return RepeatFilter.from_image(topic.dedup_horizon_us, image)


def _again(refresh: Callable[[], Listing]) -> Listing:
    """Files may be replaced while they are listed."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return refresh()
        except FileNotFoundError:
            continue
    return refresh()
