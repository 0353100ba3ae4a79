"""The state of a view as the compiled loops take it, and the marks of the entities whose rows are to be taken."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingestion.windows.layout import LINE
from ingestion.windows.memory import Words, compiled, prefetch
from ingestion.windows.tiles import Pool

# Flags of an entity. The first two exclude one another: an event changed its row; its row waits; its totals are not made.
CHANGED, WAITING, UNSETTLED = 1, 2, 4
# Items of `Arrays.counts`: how many are in `changed`, how many wait.
CHANGES, WAITS = range(2)


class Arrays(NamedTuple):
    """The state of a view as the compiled loops take it.

    Attributes:
        rows: Rows of the entities, one behind the other.
        tiles: All tiles.
        pool: Free tiles and buckets.
        entries: Entries of `Distinct`, with `table` and `state`.
        flags: Of each entity, shape (slots,).
        changed: Slots of the entities with CHANGED, the first `counts[CHANGES]` items.
    """

    rows: Words
    tiles: Words
    pool: Pool
    entries: Words
    table: NDArray[np.int32]
    state: NDArray[np.int64]
    flags: NDArray[np.uint8]
    changed: NDArray[np.int32]
    counts: NDArray[np.int64]


@compiled
def mark_changed(arrays: Arrays, slot):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Have the row of an entity taken as changed; it does not wait any more."""
    if arrays.flags[slot] & WAITING:
        arrays.flags[slot] ^= WAITING
        arrays.counts[WAITS] -= 1
    if not arrays.flags[slot] & CHANGED:
        arrays.flags[slot] |= CHANGED
        arrays.changed[arrays.counts[CHANGES]] = slot
        arrays.counts[CHANGES] += 1


@compiled
def mark_waiting(arrays: Arrays, slot):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Let the row of an entity wait, unless it is to be taken as changed anyway."""
    if not arrays.flags[slot] & (CHANGED | WAITING):
        arrays.flags[slot] |= WAITING
        arrays.counts[WAITS] += 1


@compiled
def take_waiting(arrays: Arrays, count, cursor, slots):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take waiting entities into `slots`, going round from `cursor`; returns where to go on. There are enough of them."""
    taken = 0
    while taken < len(slots):
        cursor = cursor + 1 if cursor + 1 < count else 0
        if arrays.flags[cursor] & WAITING:
            arrays.flags[cursor] ^= WAITING
            slots[taken] = cursor
            taken += 1
    arrays.counts[WAITS] -= taken
    return cursor


@compiled
def ask_for_row(rows, width, slot):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Ask for all cache lines of an entity's row."""
    for word in range(slot * width, (slot + 1) * width, LINE):
        prefetch(rows.words, word)
