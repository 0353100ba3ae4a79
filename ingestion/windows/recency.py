"""Newest event per entity (`last`) and per entity and value (`count_distinct`), in compiled loops.

A window contains a value exactly when the newest event with that value is inside it, so one time per (entity,
value) serves every window. An entity's values are a linked list, newest first; counting stops at the first that
is too old.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.windows.tiles import NONE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_NEVER = np.iinfo(np.int64).min
_DELETED = -2


class Newest:
    """Time and value of each entity's newest event of one channel; among equal times the last arrival."""

    def __init__(self) -> None:
        self.times: Ints = np.empty(0, dtype=np.int64)
        self._arrivals: Ints = np.empty(0, dtype=np.int64)
        self._values: Floats = np.empty(0)

    @property
    def nbytes(self) -> int:
        """Memory held by the arrays."""
        return self.times.nbytes + self._arrivals.nbytes + self._values.nbytes

    def reserve(self, slots: int) -> None:
        """Make room for slots below `slots`."""
        more = max(slots, 2 * len(self.times)) - len(self.times)
        if slots > len(self.times):
            self.times = np.concatenate([self.times, np.full(more, _NEVER)])
            self._arrivals = np.concatenate([self._arrivals, np.full(more, _NEVER)])
            self._values = np.concatenate([self._values, np.full(more, np.nan)])

    def fold(self, slots: Ints, times: Ints, arrivals: Ints, x: Floats) -> None:
        """Take in events of one channel `x` (events,), NaN for null."""
        _fold_newest(slots, times, arrivals, x, self.times, self._arrivals, self._values)

    def evaluate(self, slots: Ints, starts: Ints) -> Floats:
        """Value of the newest event where it lies in the window that starts at `starts` (slots,), else NaN."""
        return np.where(self.times[slots] >= starts, self._values[slots], np.nan)

    def forget(self, slots: Ints) -> None:
        """Return slots to the state of an entity never seen."""
        self.times[slots] = self._arrivals[slots] = _NEVER


@njit(cache=True)
def _fold_newest(slots, times, arrivals, x, newest, newest_arrival, values):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(slots)):
        slot = slots[i]
        if np.isnan(x[i]) or times[i] < newest[slot]:
            continue
        if times[i] > newest[slot] or arrivals[i] >= newest_arrival[slot]:
            newest[slot] = times[i]
            newest_arrival[slot] = arrivals[i]
            values[slot] = x[i]


class Distinct:
    """The values of one channel that each entity had, with the time of each one's newest event.

    Entries live in parallel arrays; `_table` is an open-addressing hash index over (slot, value).
    """

    def __init__(self) -> None:
        self._slot = np.empty(0, dtype=np.int32)
        self._value: Floats = np.empty(0)
        self._time: Ints = np.empty(0, dtype=np.int64)
        self._newer = np.empty(0, dtype=np.int32)
        self._older = np.empty(0, dtype=np.int32)
        self._head = np.empty(0, dtype=np.int32)
        self._free = np.empty(0, dtype=np.int32)
        self._table = np.full(1024, NONE, dtype=np.int32)
        # Free entries, used cells of the table (deleted ones included).
        self._counts = np.zeros(2, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._slot) - int(self._counts[0])

    @property
    def nbytes(self) -> int:
        """Memory held by the arrays."""
        arrays = (
            self._slot,
            self._value,
            self._time,
            self._newer,
            self._older,
            self._head,
            self._free,
            self._table,
        )
        return sum(a.nbytes for a in arrays)

    def reserve(self, slots: int, entries: int) -> None:
        """Make room for slots below `slots` and for `entries` further entries."""
        if slots > len(self._head):
            more = max(slots, 2 * len(self._head)) - len(self._head)
            self._head = np.concatenate([self._head, np.full(more, NONE, dtype=np.int32)])
        if entries > self._counts[0]:
            self._grow(max(len(self._slot), entries, 1024))
        if 2 * (self._counts[1] + entries) > len(self._table):
            self._rehash(len(self) + entries)

    def _grow(self, more: int) -> None:
        size, count = len(self._slot), int(self._counts[0])
        for name in ("_slot", "_value", "_time", "_newer", "_older"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.empty(more, dtype=array.dtype)]))
        fresh = np.arange(size + more - 1, size - 1, -1, dtype=np.int32)
        self._free = np.concatenate([self._free[:count], fresh, np.empty(size - count, dtype=np.int32)])
        self._counts[0] = count + more

    def _rehash(self, entries: int) -> None:
        self._table = np.full(1 << max(10, (4 * entries - 1).bit_length()), NONE, dtype=np.int32)
        self._counts[1] = _rehash(self._table, self._head, self._older, self._slot, self._value)

    def fold(self, slots: Ints, times: Ints, x: Floats) -> None:
        """Take in events of one channel `x` (events,), NaN for null."""
        self.reserve(0, len(slots))
        _fold_distinct(
            slots, times, x, self._table, self._slot, self._value, self._time, self._newer, self._older,
            self._head, self._free, self._counts,
        )  # fmt: skip

    def evaluate(self, slots: Ints, starts: Ints) -> Floats:
        """Number of values in the window that starts at `starts` (slots,)."""
        out = np.empty(len(slots))
        _count(slots, starts, self._head, self._older, self._time, out)
        return out

    def evict(self, slots: Ints, starts: Ints) -> None:
        """Forget the values whose newest event lies before `starts` (slots,)."""
        _evict_distinct(
            slots, starts, self._table, self._slot, self._value, self._time, self._newer, self._older,
            self._head, self._free, self._counts,
        )  # fmt: skip


@njit(cache=True, inline="always")
def _cell(slot: int, value: float, size: int) -> int:
    # Fibonacci hashing of both halves of the key.
    mixed = np.uint64(slot) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(
        np.float64(value).view(np.uint64)
    ) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed ^= mixed >> np.uint64(32)
    return np.int64(mixed & np.uint64(size - 1))  # type: ignore[return-value]  # numba has one integer type


@njit(cache=True)
def _find(slot, value, table, slot_of, value_of):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Cell of an entry, or the free cell where it belongs."""
    size = len(table)
    cell = _cell(slot, value, size)
    vacant = -1
    while table[cell] != NONE:
        entry = table[cell]
        if entry == _DELETED:
            if vacant < 0:
                vacant = cell
        elif slot_of[entry] == slot and value_of[entry] == value:
            return cell
        cell = (cell + 1) & (size - 1)
    return vacant if vacant >= 0 else cell


@njit(cache=True)
def _rehash(table, head, older, slot_of, value_of):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    used = 0
    for slot in range(len(head)):
        entry = head[slot]
        while entry != NONE:
            table[_find(slot_of[entry], value_of[entry], table, slot_of, value_of)] = entry
            used += 1
            entry = older[entry]
    return used


@njit(cache=True)
def _unlink(entry, slot, newer, older, head):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if newer[entry] == NONE:
        head[slot] = older[entry]
    else:
        older[newer[entry]] = older[entry]
    if older[entry] != NONE:
        newer[older[entry]] = newer[entry]


@njit(cache=True)
def _link(entry, slot, time_of, newer, older, head):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    before, after = NONE, head[slot]
    while after != NONE and time_of[after] > time_of[entry]:
        before, after = after, older[after]
    newer[entry], older[entry] = before, after
    if before == NONE:
        head[slot] = entry
    else:
        older[before] = entry
    if after != NONE:
        newer[after] = entry


@njit(cache=True)
def _fold_distinct(slots, times, x, table, slot_of, value_of, time_of, newer, older, head, free, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(slots)):
        if np.isnan(x[i]):
            continue
        slot = slots[i]
        cell = _find(slot, x[i], table, slot_of, value_of)
        entry = table[cell]
        if entry >= 0:
            if times[i] <= time_of[entry]:
                continue
            _unlink(entry, slot, newer, older, head)
        else:
            counts[1] += entry == NONE
            counts[0] -= 1
            entry = free[counts[0]]
            table[cell] = entry
            slot_of[entry], value_of[entry] = slot, x[i]
        time_of[entry] = times[i]
        _link(entry, slot, time_of, newer, older, head)


@njit(cache=True)
def _count(slots, starts, head, older, time_of, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(slots)):
        n = 0
        entry = head[slots[i]]
        while entry != NONE and time_of[entry] >= starts[i]:
            n += 1
            entry = older[entry]
        out[i] = n


@njit(cache=True)
def _evict_distinct(slots, starts, table, slot_of, value_of, time_of, newer, older, head, free, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(slots)):
        slot = slots[i]
        entry = head[slot]
        while entry != NONE and time_of[entry] >= starts[i]:
            entry = older[entry]
        while entry != NONE:
            following = older[entry]
            table[_find(slot, value_of[entry], table, slot_of, value_of)] = _DELETED
            _unlink(entry, slot, newer, older, head)
            free[counts[0]] = entry
            counts[0] += 1
            entry = following
