"""Units over one topic at one set of positions: repeats are taken out once, then every unit takes the batch in. Hot path."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

import polars as pl

from ingestion.archive import ARRIVAL
from ingestion.stream.archived import Archived
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.lateness import Lateness
from ingestion.stream.positions import Positions, from_positions, later, reaches
from ingestion.stream.units import Unit, of_share
from ingestion.windows.dedup import RepeatFilter
from ingestion.windows.incremental import IncrementalExecutor, UpdateCounts
from ingestion.windows.spec import ViewSpec

Take = Callable[[IncrementalExecutor, pl.DataFrame], UpdateCounts]
_ARRIVAL_ORDER = [ARRIVAL, "_partition", "_offset"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch.

    Attributes:
        events: The rows that count, in arrival order.
        repeated: Rows whose event id had arrived before.
        late: Rows behind the watermark; they count.
        expired: Rows older than every window of a view, by view.
    """

    events: pl.DataFrame
    repeated: int
    late: int
    expired: dict[str, int]


@dataclass(slots=True)
class UnitState:
    """The windows of one unit.

    Attributes:
        spec: The view.
        executor: Its windows over the unit's entities.
        counted: Archive files that are told apart by name, as their rows have no place in Kafka that could tell; all
            of their rows are in the windows.
        anew: Whether offsets of the topic's former life are in the archive: then every file of that time is `counted`.
        pushed_to: Identity of the online store that has, or is owed by `take_waiting`, the row of every entity.
    """

    spec: ViewSpec
    executor: IncrementalExecutor
    counted: frozenset[str] = frozenset()
    anew: bool = False
    pushed_to: str = ""


class StateGroup:
    """State of some units over one topic.

    Attributes:
        topic: Their topic.
        topic_id: What the broker calls it.
        units: Their windows.
        positions: How far the topic has been taken in; rows before that are left out.
        lateness: The newest event and how many were late.
        repeats: The event ids that have arrived.

    Args:
        topic: Their topic.
        units: Windows at the positions.
        positions: How far they have taken the topic in.
        archived: What of the topic is in the archive though no offset says so.
    """

    def __init__(
        self,
        topic: EventTopic,
        units: Mapping[Unit, UnitState],
        positions: Positions,
        archived: Archived | None = None,
    ) -> None:
        self.topic = topic
        self.topic_id = ""
        self.units = dict(units)
        self.positions = dict(positions)
        self.archived = archived or Archived.none()
        self.lateness = Lateness(topic.contract.timestamp_field, topic.lateness_us)
        self.repeats = RepeatFilter(topic.dedup_horizon_us)
        self._bereft: dict[Unit, list[pl.DataFrame]] = {}

    @classmethod
    def fresh(cls, topic: EventTopic, specs: Mapping[Unit, ViewSpec]) -> "StateGroup":
        """Empty windows that have taken nothing in."""
        return cls(
            topic, {unit: UnitState(spec, IncrementalExecutor(spec)) for unit, spec in specs.items()}, {}
        )

    def take_in(self, rows: pl.DataFrame, next_offsets: Positions, *, waits: bool = False) -> Taken:
        """Take in what was read from Kafka; what was taken in before is left out.

        Args:
            rows: In any order.
            next_offsets: Offset behind the last message, of each partition that was read.
            waits: Whether the rows of the entities shall wait instead of being pushed at once.
        """
        fresh = self._without_erased(
            self.archived.without(from_positions(rows, self.positions)), is_noted=waits
        )
        self.positions = later(self.positions, next_offsets)
        return self._update(fresh, IncrementalExecutor.fold if waits else IncrementalExecutor.update, None)

    def fold(self, rows: pl.DataFrame, pool: Executor) -> Taken:
        """Take in what is archived, in any order, whatever its positions; each unit in a thread, its rows wait."""
        return self._update(self._without_erased(rows, is_noted=True), IncrementalExecutor.fold, pool)

    def take_bereft(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """View and keys of entities, once, that have lost events, of each unit whose rows no store was given yet.

        What an online store still has of them was computed with those events.
        """
        for unit, keys in self._bereft.items():
            if unit in self.units and not self.units[unit].pushed_to:
                yield unit.view, pl.concat(keys).unique()
        self._bereft = {}

    def _without_erased(self, rows: pl.DataFrame, *, is_noted: bool) -> pl.DataFrame:
        """The events of everybody who was not erased, in their order.

        Args:
            rows: Events.
            is_noted: Whether the entities of the others are kept for `take_bereft`: those that catch up may have a past.
        """
        gone = self.topic.gone(rows)
        if not gone.any():
            return rows
        if is_noted:
            for unit, state in self.units.items():
                keys = list(state.spec.join_keys)
                theirs = of_share(rows.filter(gone), keys, unit).select(keys).unique()
                self._bereft.setdefault(unit, []).append(theirs)
        return rows.filter(~gone)

    def _update(self, rows: pl.DataFrame, take: Take, pool: Executor | None) -> Taken:
        late = self.lateness.observe(rows)
        ordered = rows.sort(_ARRIVAL_ORDER)
        counts = self.repeats.keep(
            ordered[self.topic.contract.event_id], ordered[ARRIVAL].to_physical().to_numpy()
        )
        events = ordered if counts.all() else ordered.filter(pl.Series(counts))
        expired: dict[str, int] = {}

        def one(unit: Unit, state: UnitState) -> int:
            return take(state.executor, of_share(events, state.spec.join_keys, unit)).expired

        each = (pool.map if pool else map)(one, self.units.keys(), self.units.values())
        for unit, count in zip(self.units, each, strict=True):
            expired[unit.view] = expired.get(unit.view, 0) + count
        return Taken(events, rows.height - events.height, late, expired)

    def advance(self, now_us: int) -> None:
        """Pass all boundaries up to and including ``now_us``."""
        for state in self.units.values():
            state.executor.advance(now_us)

    def take_changed(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """View and rows of each unit that has any: those that events changed since the last call."""
        for unit, state in self.units.items():
            rows = state.executor.take_changed()
            if not rows.is_empty():
                yield unit.view, rows

    def is_where(self, other: "StateGroup") -> bool:
        """Whether both have taken in the same."""
        same = reaches(self.positions, other.positions) and reaches(other.positions, self.positions)
        alike = self.topic.erased == other.topic.erased
        return same and alike and self.is_settled and other.is_settled

    def drop(self, is_lost: Callable[[Unit], bool]) -> None:
        """Forget units."""
        self.units = {unit: state for unit, state in self.units.items() if not is_lost(unit)}

    def join(self, other: "StateGroup") -> None:
        """Take over the units of a group at the same positions: its filter knows what ours knows."""
        self.units |= other.units

    @property
    def is_settled(self) -> bool:
        """Whether the positions alone tell what has been taken in."""
        return self.archived.is_empty


def joined(groups: Iterable[StateGroup]) -> list[StateGroup]:
    """The groups of one topic, those at the same positions as one; groups without units are gone."""
    kept: list[StateGroup] = []
    for group in groups:
        if not group.units:
            continue
        equal = next((other for other in kept if other.is_where(group)), None)
        if equal is None:
            kept.append(group)
        else:
            equal.join(group)
    return kept
