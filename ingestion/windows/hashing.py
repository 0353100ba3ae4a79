"""Compiled loops of the interner over rows in raw form (see `raw`): hash, find, insert, take out, copy bytes.

Finding passes over all rows several times, each time with one access that does not depend on the row before: the
processor then waits for many cache misses at once.

`raw` is a `Raw`, `stored` a `Stored`: a row's bytes are found with one access to `spans`. `link` (capacity,) is USED for a number in use, else the next free number or
NONE; `state` (5,) is indexed by the names below.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.windows import cells
from ingestion.windows.cells import after, cell, home, look, next_match, number_at
from ingestion.windows.memory import prefetch

NONE = -1
USED = -2
TOP, FREE, COUNT, END, GARBAGE = range(5)
"""One more than the highest number ever given, first free number, numbers in use, bytes taken, bytes given back."""
LONGEST = 1 << 28
"""Bytes of a row; one with more cannot be stored."""
_LENGTH_BITS = 28
_HALF = np.uint64(32)
_AHEAD = 16
"""How many rows ahead memory is asked for."""
_SHIFT = np.uint64(29)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)


class Stored(NamedTuple):
    """The rows of an interner.

    Attributes:
        fixed: Fixed values, shape (rows, fixed columns).
        spans: Where the bytes of each value begin in `data` times 2**28, plus how many there are, shape (rows, columns of bytes).
        data: The bytes of all values.
    """

    fixed: NDArray[np.int64]
    spans: NDArray[np.int64]
    data: NDArray[np.uint8]


def starts(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where values begin."""
    return spans >> _LENGTH_BITS


def lengths(spans: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many bytes values have."""
    return spans & (LONGEST - 1)


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
    for column in range(fixed.shape[1]):
        if fixed[row, column] != stored.fixed[number, column]:
            return False
    for column in range(starts.shape[1]):
        span, length = stored.spans[number, column], np.int64(lengths[row, column])
        if length != span & (LONGEST - 1):
            return False
        if not _same_bytes(data, starts[row, column], stored.data, span >> _LENGTH_BITS, length):
            return False
    return True


@njit(cache=True, nogil=True)
def _compare_fixed(fixed, stored_fixed, numbers, same):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for column in range(fixed.shape[1]):
        for row in range(len(numbers)):
            same[row] &= numbers[row] < 0 or fixed[row, column] == stored_fixed[numbers[row], column]


@njit(cache=True, nogil=True)
def _compare_bytes(starts, lengths, data, stored_spans, arena, numbers, same, spans):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for column in range(starts.shape[1]):
        for row in range(len(numbers)):
            spans[row] = stored_spans[max(numbers[row], 0), column]
        for row in range(len(numbers)):
            if row + _AHEAD < len(numbers):
                prefetch(arena, spans[row + _AHEAD] >> _LENGTH_BITS)
            if numbers[row] >= 0 and same[row]:
                length = np.int64(lengths[row, column])
                same[row] = length == spans[row] & (LONGEST - 1) and _same_bytes(
                    data, starts[row, column], arena, spans[row] >> _LENGTH_BITS, length
                )


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
    places = np.empty(len(hashes), dtype=np.int64)
    same = np.ones(len(hashes), dtype=np.bool_)
    look(table, hashes, places, numbers)
    _compare_fixed(fixed, stored.fixed, numbers, same)
    _compare_bytes(starts, lengths, data, stored.spans, stored.data, numbers, same, places)
    for row in np.flatnonzero(~same):
        numbers[row] = number_at(table, _place(table, hashes[row], raw, row, stored))


@njit(cache=True, nogil=True)
def _store(raw, row, stored, number, state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    fixed, starts, lengths, data = raw
    for column in range(fixed.shape[1]):
        stored.fixed[number, column] = fixed[row, column]
    for column in range(starts.shape[1]):
        start, length = starts[row, column], np.int64(lengths[row, column])
        stored.spans[number, column] = state[END] << _LENGTH_BITS | length
        for i in range(length):
            stored.data[state[END] + i] = data[start + i]
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
                or _size(raw.lengths, row) >= LONGEST
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
        for column in range(stored.spans.shape[1]):
            state[GARBAGE] += stored.spans[number, column] & (LONGEST - 1)


@njit(cache=True, nogil=True)
def compact(spans, numbers, arena, fresh):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Copy the bytes of the numbers in use from `arena` to `fresh` and point to them there; returns the bytes taken."""
    end = np.int64(0)
    for number in numbers:
        for column in range(spans.shape[1]):
            start, length = spans[number, column] >> _LENGTH_BITS, spans[number, column] & (LONGEST - 1)
            spans[number, column] = end << _LENGTH_BITS | length
            for i in range(length):
                fresh[end + i] = arena[start + i]
            end += length
    return end


@njit(cache=True, nogil=True)
def measure(stored, column, numbers, spans, offsets):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Read the spans (rows,) of a column's values, and where each begins (rows + 1,) when they stand behind one another."""
    offsets[0] = 0
    for row in range(len(numbers)):
        spans[row] = stored.spans[numbers[row], column]
    for row in range(len(numbers)):
        offsets[row + 1] = offsets[row] + (spans[row] & (LONGEST - 1))


@njit(cache=True, nogil=True)
def gather(stored, spans, offsets, data):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Copy the bytes of spans (rows,) behind one another, row i to `data[offsets[i]:offsets[i + 1]]`."""
    for row in range(len(spans)):
        if row + _AHEAD < len(spans):
            prefetch(stored.data, spans[row + _AHEAD] >> _LENGTH_BITS)
        start = spans[row] >> _LENGTH_BITS
        for i in range(offsets[row + 1] - offsets[row]):
            data[offsets[row] + i] = stored.data[start + i]
