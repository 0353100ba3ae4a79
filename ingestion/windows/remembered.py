"""Compiled loops of the repeat filter over its slots: a fingerprint and the last arrival of each remembered id.

`prints` (slots, 2) and `last` (slots,) are what a slot holds; a free slot has `last` NEVER and the next free one in
`prints`. `table` leads from the hash of a fingerprint to its slot (see `cells`). `state` (4,) is indexed by the names
below.
"""

import numpy as np
from numba import njit

from ingestion.windows.cells import after, cell, home, look, next_match, number_at, take_out

NEVER = np.iinfo(np.int64).min
NONE = -1
TOP, FREE, COUNT, HAND = range(4)
"""One more than the highest slot ever used, first free slot, slots in use, slot at which forgetting goes on."""
_ODD = np.uint64(0x9E3779B97F4A7C15)


@njit(cache=True, nogil=True)
def hash_prints(prints, hashes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """What `cells` takes for a hash of each fingerprint, into `hashes` (rows,)."""
    for row in range(len(hashes)):
        hashes[row] = _hash(prints[row, 0])


@njit(cache=True, nogil=True, inline="always")
def _hash(print_):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return print_ * _ODD >> np.uint64(32)


@njit(cache=True, nogil=True)
def warm(table, hashes, prints, last):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Touch what `remember` will need, so that its cache misses overlap; the sum is of no use."""
    places = np.empty(len(hashes), dtype=np.int64)
    slots = np.empty(len(hashes), dtype=np.int64)
    look(table, hashes, places, slots)
    touched = np.uint64(0)
    for slot in slots:
        if slot != NONE:
            touched += prints[slot, 0] + np.uint64(last[slot])
    return touched


@njit(cache=True, nogil=True)
def remember(table, most, asked, hashes, arrivals, horizon, prints, last, state, keep):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Decide on each fingerprint `asked` (rows, 2) in turn, into `keep` (rows,), and remember its arrival.

    Returns how many rows were done: it stops where the slots or `most`, the room in the table, are used up.
    """
    for row in range(len(hashes)):
        first, second = asked[row, 0], asked[row, 1]
        place = next_match(table, hashes[row], home(hashes[row], table))
        slot = number_at(table, place)
        while slot != NONE and (prints[slot, 0] != first or prints[slot, 1] != second):
            place = next_match(table, hashes[row], after(place, table))
            slot = number_at(table, place)
        if slot != NONE:
            keep[row] = arrivals[row] - last[slot] > horizon
            last[slot] = max(last[slot], arrivals[row])
            continue
        slot = state[FREE] if state[FREE] != NONE else state[TOP]
        if state[COUNT] >= most or slot >= len(last):
            return row
        if slot == state[TOP]:
            state[TOP] += 1
        else:
            state[FREE] = np.int64(prints[slot, 0])
        state[COUNT] += 1
        prints[slot, 0], prints[slot, 1], last[slot] = first, second, arrivals[row]
        table[place] = cell(hashes[row], slot)
        keep[row] = True
    return len(hashes)


@njit(cache=True, nogil=True)
def forget(table, before, steps, prints, last, state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Look at the next `steps` slots, round the end, and free those whose last arrival is older than `before`."""
    for _ in range(min(steps, state[TOP])):
        slot = state[HAND]
        state[HAND] = slot + 1 if slot + 1 < state[TOP] else 0
        if last[slot] != NEVER and last[slot] < before:
            take_out(table, _hash(prints[slot, 0]), slot)
            last[slot] = NEVER
            prints[slot, 0] = np.uint64(state[FREE])
            state[FREE] = slot
            state[COUNT] -= 1
