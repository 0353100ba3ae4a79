"""Compiled loops of the interner over rows in raw form (see `raw`): hash, find, insert, take out, copy bytes.

Finding passes over all rows several times, each time with one access that does not depend on the row before: the
processor then waits for many cache misses at once.

`raw` and `stored` are a `Raw` each; `link` (capacity,) is USED for a number in use, else the next free number or
NONE; `state` (5,) is indexed by the names below.
"""

import numpy as np
from numba import njit

from ingestion.windows import cells
from ingestion.windows.cells import after, cell, home, look, next_match, number_at

NONE = -1
USED = -2
TOP, FREE, COUNT, END, GARBAGE = range(5)
"""One more than the highest number ever given, first free number, numbers in use, bytes taken, bytes given back."""
_HALF = np.uint64(32)
_SHIFT = np.uint64(29)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


@njit(cache=True, nogil=True, inline="always")
def word(data, at):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Eight bytes as a little-endian number; compiled to one load (the index is unsigned: it does not wrap)."""
    at = np.uint64(at)
    word = np.uint64(data[at])
    for i in range(1, 8):
        word |= np.uint64(data[at + np.uint64(i)]) << np.uint64(8 * i)
    return word


@njit(cache=True, nogil=True, inline="always")
def short_word(data, at, length):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Fewer than eight bytes as a number."""
    word = np.uint64(0)
    for i in range(length):
        word |= np.uint64(data[np.uint64(at + i)]) << np.uint64(8 * i)
    return word


@njit(cache=True, nogil=True, inline="always")
def _mixed(state, word):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    state = (state ^ word) * _MIX
    return (state ^ (state >> _SHIFT)) * _ODD


@njit(cache=True, nogil=True)
def _hash_bytes(state, data, start, length):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    state = _mixed(state, np.uint64(length))
    if length < 8:
        return _mixed(state, short_word(data, start, length))
    at, last = start, start + length - 8
    while at < last:
        state = _mixed(state, word(data, at))
        at += 8
    return _mixed(state, word(data, last))


@njit(cache=True, nogil=True)
def _hash_row(fixed, starts, lengths, data, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    state = _ODD
    for column in range(fixed.shape[1]):
        state = _mixed(state, np.uint64(fixed[row, column]))
    for column in range(starts.shape[1]):
        state = _hash_bytes(state, data, starts[row, column], np.int64(lengths[row, column]))
    return (state ^ (state >> _HALF)) * _MIX >> _HALF


@njit(cache=True, nogil=True)
def hash_rows(raw, rows, hashes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Hash the given rows into `hashes`, uint64 below 2**32, shape (rows,)."""
    fixed, starts, lengths, data = raw
    for i in range(len(rows)):
        hashes[i] = _hash_row(fixed, starts, lengths, data, rows[i])


@njit(cache=True, nogil=True, inline="always")
def _same_bytes(data, start, stored, stored_start, length):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if length < 8:
        return short_word(data, start, length) == short_word(stored, stored_start, length)
    last = length - 8
    differs = word(data, start + last) ^ word(stored, stored_start + last)
    for at in range(0, last, 8):
        differs |= word(data, start + at) ^ word(stored, stored_start + at)
    return differs == 0


@njit(cache=True, nogil=True)
def _same(raw, row, stored, number):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    fixed, starts, lengths, data = raw
    stored_fixed, stored_starts, stored_lengths, arena = stored
    for column in range(fixed.shape[1]):
        if fixed[row, column] != stored_fixed[number, column]:
            return False
    for column in range(starts.shape[1]):
        length = np.int64(lengths[row, column])
        if length != np.int64(stored_lengths[number, column]):
            return False
        if not _same_bytes(data, starts[row, column], arena, stored_starts[number, column], length):
            return False
    return True


@njit(cache=True, nogil=True)
def _compare_fixed(fixed, stored_fixed, numbers, same):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for column in range(fixed.shape[1]):
        for row in range(len(numbers)):
            same[row] &= numbers[row] < 0 or fixed[row, column] == stored_fixed[numbers[row], column]


@njit(cache=True, nogil=True)
def _compare_lengths(lengths, stored_lengths, numbers, same):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for column in range(lengths.shape[1]):
        for row in range(len(numbers)):
            same[row] &= numbers[row] < 0 or lengths[row, column] == stored_lengths[numbers[row], column]


@njit(cache=True, nogil=True)
def _compare_bytes(starts, lengths, data, stored_starts, arena, numbers, same, froms):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for column in range(starts.shape[1]):
        for row in range(len(numbers)):
            froms[row] = stored_starts[max(numbers[row], 0), column]
        for row in range(len(numbers)):
            if numbers[row] >= 0 and same[row]:
                length = np.int64(lengths[row, column])
                same[row] = _same_bytes(data, starts[row, column], arena, froms[row], length)


@njit(cache=True, nogil=True)
def _place(table, hashed, raw, row, stored):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Where a row stands in the table, or the free place where it belongs."""
    place = next_match(table, hashed, home(hashed, table))
    while table[place] != 0 and not _same(raw, row, stored, number_at(table, place)):
        place = next_match(table, hashed, after(place, table))
    return place


@njit(cache=True, nogil=True)
def find(table, hashes, raw, stored, numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Number of each row into `numbers` (rows,), or NONE."""
    fixed, starts, lengths, data = raw
    stored_fixed, stored_starts, stored_lengths, arena = stored
    places = np.empty(len(hashes), dtype=np.int64)
    same = np.ones(len(hashes), dtype=np.bool_)
    look(table, hashes, places, numbers)
    _compare_fixed(fixed, stored_fixed, numbers, same)
    _compare_lengths(lengths, stored_lengths, numbers, same)
    _compare_bytes(starts, lengths, data, stored_starts, arena, numbers, same, places)
    for row in np.flatnonzero(~same):
        numbers[row] = number_at(table, _place(table, hashes[row], raw, row, stored))


@njit(cache=True, nogil=True)
def _store(raw, row, stored, number, state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    fixed, starts, lengths, data = raw
    stored_fixed, stored_starts, stored_lengths, arena = stored
    for column in range(fixed.shape[1]):
        stored_fixed[number, column] = fixed[row, column]
    for column in range(starts.shape[1]):
        start, length = starts[row, column], np.int64(lengths[row, column])
        stored_starts[number, column] = state[END]
        stored_lengths[number, column] = length
        for i in range(length):
            arena[state[END] + i] = data[start + i]
        state[END] += length


@njit(cache=True, nogil=True)
def _size(lengths, row):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    size = np.int64(0)
    for column in range(lengths.shape[1]):
        size += np.int64(lengths[row, column])
    return size


@njit(cache=True, nogil=True)
def insert(table, hashes, raw, stored, link, state, most, rows, numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Number of each of the given rows into `numbers`, in order, new ones where there are none yet.

    Returns how many rows were done: it stops at one for which the arrays are too small or the table holds `most`.
    """
    for i in range(len(rows)):
        row = rows[i]
        place = _place(table, hashes[row], raw, row, stored)
        if table[place] == 0:
            number = state[FREE] if state[FREE] != NONE else state[TOP]
            if (
                state[COUNT] >= most
                or number >= len(link)
                or state[END] + _size(raw.lengths, row) > len(stored.data)
            ):
                return i
            if number == state[TOP]:
                state[TOP] += 1
            else:
                state[FREE] = link[number]
            link[number] = USED
            state[COUNT] += 1
            _store(raw, row, stored, number, state)
            table[place] = cell(hashes[row], number)
        numbers[row] = number_at(table, place)
    return len(rows)


@njit(cache=True, nogil=True)
def take_out(table, hashes, stored, link, state, numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Remove numbers, with the hashes of their rows; one that is not in use is passed over."""
    for i in range(len(numbers)):
        number = numbers[i]
        if link[number] != USED:
            continue
        cells.take_out(table, hashes[i], number)
        link[number] = state[FREE]
        state[FREE] = number
        state[COUNT] -= 1
        state[GARBAGE] += _size(stored.lengths, number)


@njit(cache=True, nogil=True)
def compact(starts, lengths, numbers, arena, fresh):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Copy the bytes of the numbers in use from `arena` to `fresh` and point to them there; returns the bytes taken."""
    end = np.int64(0)
    for number in numbers:
        for column in range(starts.shape[1]):
            start = starts[number, column]
            starts[number, column] = end
            for i in range(np.int64(lengths[number, column])):
                fresh[end + i] = arena[start + i]
            end += np.int64(lengths[number, column])
    return end


@njit(cache=True, nogil=True)
def gather(starts, offsets, arena, data):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Copy the bytes that begin at `starts` (rows,) behind one another, row i to `data[offsets[i]:offsets[i + 1]]`."""
    for row in range(len(starts)):
        for i in range(offsets[row + 1] - offsets[row]):
            data[offsets[row] + i] = arena[starts[row] + i]
