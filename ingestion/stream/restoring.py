"""Units from snapshots: of each the newest that fits what is served, the topic as it is, and the archive."""

import logging
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from ingestion.stream.archive_index import Listing
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.group import StateGroup, UnitState
from ingestion.stream.log import say
from ingestion.stream.place import Place
from ingestion.stream.snapshot import Manifest, SavedGroup, SavedUnit
from ingestion.stream.snapshots import SnapshotStore, refuse
from ingestion.stream.units import Unit, Work
from ingestion.windows.dedup import RepeatFilter
from ingestion.windows.incremental import IncrementalExecutor

log = logging.getLogger(__name__)


class Restoring:
    """Restores the units of one topic.

    Args:
        store: Where snapshots are.
        manifests: What they hold, newest first.
        topic: The topic.
        topic_id: What the broker calls it.
        place: Where it is continued.
    """

    def __init__(
        self,
        store: SnapshotStore,
        manifests: Sequence[Manifest],
        topic: EventTopic,
        topic_id: str,
        place: Place,
    ) -> None:
        self._store = store
        self._manifests = manifests
        self._topic = topic
        self._topic_id = topic_id
        self._place = place

    def groups(self, works: Mapping[Unit, Work]) -> list[StateGroup]:
        """Those of the units that have a snapshot that fits, each as it is in the newest."""
        left, groups = dict(works), list[StateGroup]()
        for manifest, saved in self._fitting():
            units = [u for u in saved.units if u.unit in left and _can_be_continued(u, self._place.listing)]
            for group in self._groups(manifest, saved, units, left):
                groups.append(group)
                for unit in group.units:
                    del left[unit]
        return groups

    def _fitting(self) -> Iterator[tuple[Manifest, SavedGroup]]:
        """Groups of the topic, newest first, whose positions are positions of the topic as it is today."""
        ends = self._place.ends
        for manifest in self._manifests:
            for saved in manifest.groups:
                is_there = all(offset <= ends.get(number, 0) for number, offset in saved.positions.items())
                if (saved.topic, saved.topic_id) == (self._topic.name, self._topic_id) and is_there:
                    yield manifest, saved

    def _groups(
        self, manifest: Manifest, saved: SavedGroup, units: Sequence[SavedUnit], works: Mapping[Unit, Work]
    ) -> list[StateGroup]:
        """One for all units that hold the same rows without a place in Kafka; none where the snapshot is broken."""
        try:
            by_rows = {unit.counted for unit in units}
            groups = [
                self._group(manifest, saved, [u for u in units if u.counted == counted], works)
                for counted in by_rows
            ]
        except (OSError, ValueError, KeyError, TypeError, MemoryError) as error:
            refuse(manifest.name, error)
            return []
        if groups:
            say(
                log,
                logging.INFO,
                "restored",
                snapshot=manifest.name,
                topic=self._topic.name,
                units=len(units),
            )
        return groups

    def _group(
        self, manifest: Manifest, saved: SavedGroup, units: Sequence[SavedUnit], works: Mapping[Unit, Work]
    ) -> StateGroup:
        with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="restore") as pool:
            states = pool.map(lambda unit: self._state(manifest, unit, works[unit.unit]), units)
            group = StateGroup(
                self._topic, dict(zip((u.unit for u in units), states, strict=True)), saved.positions
            )
        image = self._store.read(manifest, saved.entry)
        group.repeats = RepeatFilter.from_image(self._topic.dedup_horizon_us, image)
        group.lateness.newest_us = saved.newest_us
        return group

    def _state(self, manifest: Manifest, saved: SavedUnit, work: Work) -> UnitState:
        executor = IncrementalExecutor.from_image(work.spec, self._store.read(manifest, saved.entry))
        return UnitState(work.spec, executor, saved.counted, saved.anew, saved.pushed_to)


def say_why(missing: Iterable[Unit], manifests: Sequence[Manifest]) -> None:
    """Tell why units are computed from the archive."""
    held = {saved.unit for m in manifests for group in m.groups for saved in group.units}
    for unit in missing:
        changed = unit not in held and any(unit.replaces(other) for other in held)
        why = "its definition has changed" if changed else "no snapshot of it fits"
        say(log, logging.INFO, "computing from the archive", view=unit.view, share=unit.share, why=why)


def _can_be_continued(saved: SavedUnit, listing: Listing) -> bool:
    """Whether the archive still tells which of its rows the unit holds.

    A file whose rows are told by its name may have been replaced by one that holds them beside others.
    """
    replaced = saved.counted - listing.originals
    return not (replaced and (saved.anew or listing.unplaced - saved.counted))
