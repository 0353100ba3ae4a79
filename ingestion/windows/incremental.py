"""The incremental executor: windowed features of a stream of events, each pushed when it changes.

Between two boundaries only new events change a value; at a boundary a tile can leave. So an entity has a clock:
the instant just after its newest event or the last boundary at which one of its windows lost a tile, whichever is
later (after a late event: the last boundary of all). Its row is exact at its clock and stays so until the clock
moves; a clock never moves back. A calendar lists, for every tile, the
boundaries at which it leaves each window: each is visited once, so the work is bounded by the events.
"""

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows import partials
from ingestion.windows.channels import Encoder
from ingestion.windows.recency import Distinct, Newest
from ingestion.windows.spec import TIMESTAMP, ViewSpec, WindowedFeature
from ingestion.windows.tiles import Grid

INSTANT = "event_timestamp"
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NEVER = int(np.iinfo(np.int64).min)


@dataclass(frozen=True)
class UpdateCounts:
    """What became of the events of an update: aggregated, or older than every window."""

    applied: int
    expired: int


class IncrementalExecutor:
    """State of one view: feed it events without repeats in arrival order, and boundaries by `advance`."""

    def __init__(self, spec: ViewSpec) -> None:
        self._spec = spec
        self._entities = _Entities()
        self._clocks: Ints = np.empty(0, dtype=np.int64)
        self._now_us = _NEVER
        self._changed: list[Ints] = []
        self._calendar = _Calendar()
        self._aggregates: _Aggregates | None = None

    @property
    def keys(self) -> int:
        """Number of entities with something in a window."""
        return len(self._entities)

    @property
    def nbytes(self) -> int:
        """Memory held by the tiles and other arrays; keys and dictionaries come on top."""
        return self._clocks.nbytes + (self._aggregates.nbytes if self._aggregates else 0)

    def update(self, events: pl.DataFrame) -> UpdateCounts:
        """Take in events: the columns `spec.columns`, without repeats, in arrival order; rows without a key are skipped.

        The entity of an event that is older than every window changes, too: its row may have been written while the event
        still counted, by a worker that ended before it could keep the event.
        """
        if any(events[key].has_nulls() for key in self._spec.join_keys):
            events = events.drop_nulls(self._spec.join_keys)
        useful = self._is_useful(_micros(events, self._spec.timestamp_column))
        usable = events if useful.all() else events.filter(pl.Series(useful))
        expired = events.height - usable.height
        if expired:
            self._renew(self._slots_of(events.filter(pl.Series(~useful))))
        if usable.is_empty():
            return UpdateCounts(0, expired)
        slots = self._slots_of(usable)
        assert self._aggregates is not None  # noqa: S101  # made with the first slot
        times = _micros(usable, self._spec.timestamp_column)
        arrivals = _micros(usable, self._spec.arrival_column or self._spec.timestamp_column)
        created = self._aggregates.fold(
            slots, times, arrivals, np.maximum(self._clocks[slots], self._now_us), usable
        )
        self._move_clocks(slots, times)
        for (window, hop), (tile_slots, index) in created:
            self._calendar.add(index * hop + window, tile_slots, after=self._now_us)
        self._changed.append(slots)
        return UpdateCounts(usable.height, expired)

    def _slots_of(self, events: pl.DataFrame) -> Ints:
        if self._aggregates is None:
            self._aggregates = _Aggregates(self._spec, dict(events.schema))
        slots = self._entities.slots([events[key] for key in self._spec.join_keys])
        self._reserve(self._entities.capacity)
        self._aggregates.reserve(self._entities.capacity)
        return slots

    def _renew(self, slots: Ints) -> None:
        np.maximum.at(self._clocks, slots, self._last_boundary)
        self._changed.append(slots)

    def _is_useful(self, times: Ints) -> NDArray[np.bool_]:
        latest = [times // hop * hop + window for window, hop in self._spec.windows]
        return np.asarray(np.maximum.reduce(latest) > self._now_us)

    def _reserve(self, slots: int) -> None:
        if slots > len(self._clocks):
            more = max(slots, 2 * len(self._clocks)) - len(self._clocks)
            self._clocks = np.concatenate([self._clocks, np.full(more, _NEVER)])

    def _move_clocks(self, slots: Ints, times: Ints) -> None:
        # A late event is evaluated at the last boundary of any hop: it may have left shorter windows since, and an
        # entity that was forgotten must not come back with an older clock than its last row had.
        np.maximum.at(self._clocks, slots, np.maximum(times + 1, self._last_boundary))

    @property
    def _last_boundary(self) -> int:
        return (
            max(self._now_us // hop * hop for _, hop in self._spec.windows)
            if self._now_us > _NEVER
            else _NEVER
        )

    def advance(self, now_us: int) -> None:
        """Pass all boundaries up to and including `now_us`; an earlier instant than the last one does nothing."""
        visited = []
        for boundary, slots in self._calendar.until(now_us):
            moved = slots[self._clocks[slots] < boundary]
            self._clocks[moved] = boundary
            self._changed.append(moved)
            visited.append(slots)
        self._now_us = max(self._now_us, now_us)
        if visited and self._aggregates is not None:
            slots = np.unique(np.concatenate(visited))
            self._aggregates.evict(slots, self._clocks[slots])

    def take_changed(self) -> pl.DataFrame:
        """Rows that changed since the last call: join keys, `event_timestamp` (the entity's clock) and features."""
        if self._aggregates is None or not any(len(slots) for slots in self._changed):
            self._changed.clear()
            return self._no_rows()
        slots = np.unique(np.concatenate(self._changed))
        self._changed.clear()
        rows = self._rows(slots)
        gone = slots[self._aggregates.is_empty(slots)]
        self._aggregates.forget(gone)
        self._clocks[gone] = _NEVER
        self._entities.remove(gone)
        return rows

    def rows(self) -> pl.DataFrame:
        """The row of every entity, in the form of `take_changed`."""
        return self._rows(self._entities.all_slots()) if self._aggregates is not None else self._no_rows()

    def _rows(self, slots: Ints) -> pl.DataFrame:
        assert self._aggregates is not None  # noqa: S101  # both callers have looked
        clocks = self._clocks[slots]
        keys = self._entities.keys_of(slots, self._spec.join_keys)
        stamp = pl.Series(INSTANT, clocks).cast(TIMESTAMP)
        return keys.hstack([stamp, *self._aggregates.evaluate(slots, clocks)])

    def _no_rows(self) -> pl.DataFrame:
        keys = dict.fromkeys(self._spec.join_keys, pl.String())
        return pl.DataFrame(schema={**keys, INSTANT: TIMESTAMP, **self._spec.schema})


def _micros(events: pl.DataFrame, column: str) -> Ints:
    times = events[column]
    return (times if times.dtype == TIMESTAMP else times.cast(TIMESTAMP)).to_physical().to_numpy()


class _Entities:
    """Slots of the entities: small numbers for keys, used again when an entity is forgotten."""

    def __init__(self) -> None:
        self._slots: dict[tuple[Any, ...], int] = {}
        self._keys: list[tuple[Any, ...]] = []
        self._free: list[int] = []

    def __len__(self) -> int:
        return len(self._slots)

    @property
    def capacity(self) -> int:
        """One more than the highest slot that was ever given."""
        return len(self._keys)

    def slots(self, keys: list[pl.Series]) -> Ints:
        """Slot of each row's key, shape (rows,), given the key's columns; new keys get one."""
        rows = list(zip(*(column.to_list() for column in keys), strict=True))
        for key in rows:
            if key not in self._slots:
                self._take(key)
        return np.fromiter(map(self._slots.__getitem__, rows), dtype=np.int64, count=len(rows))

    def _take(self, key: tuple[Any, ...]) -> None:
        if self._free:
            slot = self._free.pop()
            self._keys[slot] = key
        else:
            slot = len(self._keys)
            self._keys.append(key)
        self._slots[key] = slot

    def keys_of(self, slots: Ints, names: tuple[str, ...]) -> pl.DataFrame:
        """Keys of slots as columns."""
        rows = [self._keys[slot] for slot in slots.tolist()]
        columns = zip(*rows, strict=True) if rows else ([] for _ in names)
        return pl.DataFrame([pl.Series(name, column) for name, column in zip(names, columns, strict=True)])

    def all_slots(self) -> Ints:
        """Slots in use, shape (entities,)."""
        return np.fromiter(self._slots.values(), dtype=np.int64, count=len(self._slots))

    def remove(self, slots: Ints) -> None:
        """Give slots back."""
        for slot in slots.tolist():
            del self._slots[self._keys[slot]]
            self._free.append(slot)


class _Calendar:
    """Boundaries to come, each with the slots of the tiles that leave a window there."""

    def __init__(self) -> None:
        self._slots: defaultdict[int, list[Ints]] = defaultdict(list)
        self._order: list[int] = []

    def add(self, boundaries: Ints, slots: Ints, *, after: int) -> None:
        """Enter boundaries later than `after`."""
        order = np.argsort(boundaries, kind="stable")
        boundaries, slots = boundaries[order], slots[order]
        distinct, starts = np.unique(boundaries, return_index=True)
        for boundary, group in zip(
            distinct.tolist(), np.split(slots, starts[1:]), strict=bool(len(distinct))
        ):
            if boundary > after:
                if boundary not in self._slots:
                    heapq.heappush(self._order, boundary)
                self._slots[boundary].append(group)

    def until(self, now_us: int) -> list[tuple[int, Ints]]:
        """Take out the boundaries up to and including `now_us`, in order, with their slots."""
        due = []
        while self._order and self._order[0] <= now_us:
            boundary = heapq.heappop(self._order)
            due.append((boundary, np.unique(np.concatenate(self._slots.pop(boundary)))))
        return due


class _Aggregates:
    """Partials, newest values and distinct values of all features of a view."""

    def __init__(self, spec: ViewSpec, types: dict[str, pl.DataType]) -> None:
        self._spec = spec
        self._encoder = Encoder(spec, types)
        hops = {hop: max(w for w, h in spec.windows if h == hop) for _, hop in spec.windows}
        self._grid_channels = {hop: self._channels_of(hop) for hop in hops}
        self._grids = {
            hop: Grid(hop, longest, len(self._grid_channels[hop])) for hop, longest in hops.items()
        }
        self._newest = {self._encoder.position(f): Newest() for f in spec.features if f.function == "last"}
        self._distinct = {
            self._encoder.position(f): Distinct() for f in spec.features if f.function == "count_distinct"
        }

    def _channels_of(self, hop: int) -> list[int]:
        used = (f for f in self._spec.features if f.hop_us == hop and f.function in partials.CODES)
        return sorted({self._encoder.position(f) for f in used})

    @property
    def nbytes(self) -> int:
        """Memory held by the arrays."""
        parts: list[Grid | Newest | Distinct] = [
            *self._grids.values(),
            *self._newest.values(),
            *self._distinct.values(),
        ]
        return sum(part.nbytes for part in parts)

    def reserve(self, slots: int) -> None:
        """Make room for slots below `slots`."""
        for grid in self._grids.values():
            grid.reserve(slots, 0)
        for newest in self._newest.values():
            newest.reserve(slots)
        for distinct in self._distinct.values():
            distinct.reserve(slots, 0)

    def fold(
        self, slots: Ints, times: Ints, arrivals: Ints, needed_after: Ints, events: pl.DataFrame
    ) -> list[tuple[tuple[int, int], tuple[Ints, Ints]]]:
        """Take in events; returns for each (window, hop) the slots and indices of the tiles that were created."""
        x = self._encoder.encode(events)
        created = {}
        for hop, grid in self._grids.items():
            created[hop] = grid.fold(slots, times, needed_after, x[self._grid_channels[hop]])
        for channel, newest in self._newest.items():
            newest.fold(slots, times, arrivals, x[channel])
        for channel, distinct in self._distinct.items():
            distinct.reserve(0, len(slots))
            distinct.fold(slots, times, x[channel])
        return [((window, hop), created[hop]) for window, hop in self._spec.windows]

    def evaluate(self, slots: Ints, clocks: Ints) -> list[pl.Series]:
        """Columns of all features at each slot's clock (slots,)."""
        return [self._encoder.decode(f, self._values(f, slots, clocks)) for f in self._spec.features]

    def _values(self, feature: WindowedFeature, slots: Ints, clocks: Ints) -> Floats:
        channel = self._encoder.position(feature)
        starts = (clocks // feature.hop_us + 1) * feature.hop_us - feature.window_us
        if feature.function == "last":
            return self._newest[channel].evaluate(slots, starts)
        if feature.function == "count_distinct":
            return self._distinct[channel].evaluate(slots, starts)
        functions = np.array([partials.CODES[feature.function]], dtype=np.int64)
        place = self._grid_channels[feature.hop_us].index(channel)
        return self._grids[feature.hop_us].evaluate(slots, clocks, place, feature.window_us, functions)[0]

    def evict(self, slots: Ints, clocks: Ints) -> None:
        """Free what no window needs at each slot's clock."""
        for grid in self._grids.values():
            grid.evict(slots, clocks)
        oldest = clocks - self._spec.longest_us
        for distinct in self._distinct.values():
            distinct.evict(slots, oldest)

    def is_empty(self, slots: Ints) -> NDArray[np.bool_]:
        """True where an entity has nothing in any window."""
        return np.logical_and.reduce([grid.is_empty(slots) for grid in self._grids.values()])

    def forget(self, slots: Ints) -> None:
        """Return empty slots to the state of an entity never seen."""
        for newest in self._newest.values():
            newest.forget(slots)
        for distinct in self._distinct.values():
            distinct.evict(slots, np.full(len(slots), np.iinfo(np.int64).max))
