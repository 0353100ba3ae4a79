"""Which values an entity had (`count_distinct`), in compiled loops.

A window contains a value exactly when the newest event with that value is inside it. So a value counts in the tile of
its newest event: a later event moves it from its tile to a newer one, and the number of values in a window is the sum
over its tiles, like a count. An entry per (entity, value) says in which tile the value counts. When that tile has left
the longest window of its grid the entry is dead; a hand that goes round, as many steps as entries are needed, collects
the dead ones, so that memory stays within a fraction of what lives.

The entries are found by a hash table of chains that grows by one cell at a time (W. Litwin, "Linear hashing", 1980):
there is no pause in which all of it is made anew. There are two cells per entry, so that most chains have one.

An entry is 32 bytes: start of the tile, value, entity, next entry of the chain, tile, set (row of the table of sets).
"""

import numpy as np
from numpy.typing import NDArray

from ingestion.windows.image import Image, take
from ingestion.windows.layout import GRID_LONGEST, NONE, SET_GRID, Tables
from ingestion.windows.memory import Words, compiled, grown

Ints = NDArray[np.int64]

ENTRY_WORDS = 4
ENTRY_START, ENTRY_VALUE = 0, 1
ENTRY_SLOT, ENTRY_NEXT, ENTRY_TILE, ENTRY_SET = 4, 5, 6, 7
# Items of `Distinct.state`: cells in use, the power of two at or below, first free entry, number of free ones, one more
# than the highest entry ever used, where the hand stands.
CELLS, LEVEL, FREE, FREE_COUNT, TOP, HAND = range(6)
_LEAST = 64


class Distinct:
    """All entries of a view.

    Attributes:
        entries: For the compiled loops.
        table: First entry of each chain, one more than its number; 0 is none.
        state: See the names above.
    """

    def __init__(self) -> None:
        self._array: Ints = np.zeros(0, dtype=np.int64)
        self.entries = Words.of(self._array)
        self.table: NDArray[np.int32] = np.zeros(_LEAST, dtype=np.int32)
        self.state = np.array([_LEAST, _LEAST, NONE, 0, 0, 0], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.state[TOP] - self.state[FREE_COUNT])

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return 8 * ENTRY_WORDS * int(self.state[TOP]) + 4 * int(self.state[CELLS])

    def reserve(self, count: int, now_us: int, tables: Tables) -> None:
        """Make room for `count` further entries, after a look for dead ones."""
        if self.state[FREE_COUNT] < count:
            sweep(self.entries, self.table, self.state, tables, now_us, 4 * count)
        entries = int(self.state[TOP]) + max(0, count - int(self.state[FREE_COUNT]))
        if ENTRY_WORDS * entries > len(self._array):
            self._array = grown(self._array, ENTRY_WORDS * int(self.state[TOP]), ENTRY_WORDS * entries)
            self.entries = Words.of(self._array)
        cells = int(self.state[CELLS])
        self.table = grown(self.table, cells, cells + 2 * count)

    def values_of(self, kind: int) -> NDArray[np.float64]:
        """The values of the entries of a set, shape (entries,)."""
        entries = self._array[: ENTRY_WORDS * int(self.state[TOP])]
        halves = entries.view(np.int32).reshape(-1, 2 * ENTRY_WORDS)
        is_used = (halves[:, ENTRY_SLOT] != NONE) & (halves[:, ENTRY_SET] == kind)
        return entries.view(np.float64).reshape(-1, ENTRY_WORDS)[is_used, ENTRY_VALUE]

    def image(self) -> Image:
        """The arrays."""
        top = ENTRY_WORDS * int(self.state[TOP])
        return {
            "entries": self._array[:top],
            "table": self.table[: int(self.state[CELLS])],
            "state": self.state,
        }

    def adopt(self, image: Image) -> None:
        """Take over the arrays of an image.

        Raises:
            ImageError: they are not there.
        """
        self._array = take(image, "entries", np.int64)
        self.entries = Words.of(self._array)
        self.table = take(image, "table", np.int32)
        self.state = take(image, "state", np.int64)


@compiled
def _hash(slot, bits, kind):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    mixed = np.uint64(bits) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(slot) * np.uint64(0xC2B2AE3D27D4EB4F)
    mixed = (mixed ^ (mixed >> np.uint64(32)) ^ np.uint64(kind)) * np.uint64(0xBF58476D1CE4E5B9)
    return np.int64((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(2))


@compiled
def _fold(hashed, state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    cell = hashed & (2 * state[LEVEL] - 1)
    return cell if cell < state[CELLS] else cell - state[LEVEL]


@compiled
def cell_of(slot, value, kind, state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Cell of the table in which a value of an entity belongs."""
    return _fold(_hash(slot, np.float64(value).view(np.int64), kind), state)


@compiled
def _cell_of_entry(entries, entry, state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    slot, kind = entries.halves[8 * entry + ENTRY_SLOT], entries.halves[8 * entry + ENTRY_SET]
    return _fold(_hash(slot, entries.words[4 * entry + ENTRY_VALUE], kind), state)


@compiled
def find(entries, table, cell, slot, value, kind):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The entry of a value of an entity, or NONE."""
    entry = table[cell] - 1
    while entry != NONE and not is_of(entries, entry, slot, value, kind):
        entry = entries.halves[8 * entry + ENTRY_NEXT]
    return entry


@compiled
def is_of(entries, entry, slot, value, kind):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Whether an entry is of this value of this entity."""
    return (
        entries.floats[4 * entry + ENTRY_VALUE] == value
        and entries.halves[8 * entry + ENTRY_SLOT] == slot
        and entries.halves[8 * entry + ENTRY_SET] == kind
    )


@compiled
def insert(entries, table, state, slot, value, kind):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """A new entry; start and tile are the caller's to write."""
    entry = state[FREE]
    if entry == NONE:
        entry = state[TOP]
        state[TOP] += 1
    else:
        state[FREE] = entries.halves[8 * entry + ENTRY_NEXT]
        state[FREE_COUNT] -= 1
    entries.floats[4 * entry + ENTRY_VALUE] = value
    entries.halves[8 * entry + ENTRY_SLOT] = slot
    entries.halves[8 * entry + ENTRY_SET] = kind
    if 2 * (state[TOP] - state[FREE_COUNT]) > state[CELLS]:
        _split(entries, table, state)
        _split(entries, table, state)
    cell = cell_of(slot, value, kind, state)
    entries.halves[8 * entry + ENTRY_NEXT] = table[cell] - 1
    table[cell] = entry + 1
    return entry


@compiled
def _split(entries, table, state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add a cell, and give it its part of the chain that had it so far."""
    if state[CELLS] == 2 * state[LEVEL]:
        state[LEVEL] = state[CELLS]
    fresh = state[CELLS]
    old = fresh - state[LEVEL]
    state[CELLS] += 1
    entry = table[old] - 1
    table[old] = table[fresh] = 0
    while entry != NONE:
        following = entries.halves[8 * entry + ENTRY_NEXT]
        cell = _cell_of_entry(entries, entry, state)
        entries.halves[8 * entry + ENTRY_NEXT] = table[cell] - 1
        table[cell] = entry + 1
        entry = following


@compiled
def sweep(entries, table, state, tables, now, steps):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Move the hand on over `steps` entries, once round at most, and free those whose tile no window holds any more."""
    for _ in range(min(steps, state[TOP])):
        entry = state[HAND] if state[HAND] < state[TOP] else 0
        state[HAND] = entry + 1
        if entries.halves[8 * entry + ENTRY_SLOT] == NONE:
            continue
        grid = tables.sets[entries.halves[8 * entry + ENTRY_SET], SET_GRID]
        if entries.words[4 * entry + ENTRY_START] + tables.grids[grid, GRID_LONGEST] <= now:
            _remove(entries, table, state, entry)


@compiled
def _remove(entries, table, state, entry):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    cell = _cell_of_entry(entries, entry, state)
    following = entries.halves[8 * entry + ENTRY_NEXT]
    other = table[cell] - 1
    if other == entry:
        table[cell] = following + 1
    else:
        while entries.halves[8 * other + ENTRY_NEXT] != entry:
            other = entries.halves[8 * other + ENTRY_NEXT]
        entries.halves[8 * other + ENTRY_NEXT] = following
    entries.halves[8 * entry + ENTRY_SLOT] = NONE
    entries.halves[8 * entry + ENTRY_NEXT] = state[FREE]
    state[FREE] = entry
    state[FREE_COUNT] += 1
