"""The cells of an open-addressing table, in compiled loops: a hash says where to look for a number.

A cell holds the 32 bits of a hash (uint64 below 2**32) above one more than a number; 0 is a free cell. A hash h belongs
at h * size >> 32, and the cells after it are tried in turn. So any size will do, and a table that grows is copied in
order.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.windows.memory import zeros

Table = NDArray[np.uint64]
_LEAST = 64
_LOAD = 0.75
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)


def table_for(numbers: int) -> Table:
    """An empty table with room for so many numbers."""
    return zeros([max(_LEAST, int(numbers / _LOAD) + 1)], np.uint64)


def room(table: Table) -> int:
    """How many numbers a table takes before it should grow."""
    return int(len(table) * _LOAD)


def larger(table: Table) -> Table:
    """A copy with room for a fifth more."""
    grown: Table = zeros([len(table) + len(table) // 5], np.uint64)
    refill(grown, table)
    return grown


@njit(cache=True, nogil=True, inline="always")
def cell(hashed, number):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """What the table holds for a number."""
    return hashed << _HALF | np.uint64(number + 1)


@njit(cache=True, nogil=True, inline="always")
def home(hashed, table):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Where the search for a hash begins."""
    return np.int64(hashed * np.uint64(len(table)) >> _HALF)


@njit(cache=True, nogil=True, inline="always")
def after(place, table):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The place after another, round the end."""
    place += 1
    return place if place < len(table) else 0


@njit(cache=True, nogil=True, inline="always")
def next_match(table, hashed, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The first place from `place` on that is free or has the hash."""
    while table[place] != 0 and table[place] >> _HALF != hashed:
        place = after(place, table)
    return place


@njit(cache=True, nogil=True, inline="always")
def number_at(table, place):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The number in a cell, -1 in a free one."""
    return np.int64(table[place] & _LOW) - 1


@njit(cache=True, nogil=True)
def look(table, hashes, places, numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The first place of each row that is free or has its hash, and the number there (-1 when free)."""
    for row in range(len(hashes)):
        places[row] = home(hashes[row], table)
        numbers[row] = np.int64(table[places[row]])
    for row in range(len(hashes)):
        places[row] = next_match(table, hashes[row], places[row])
        numbers[row] = number_at(table, places[row])


@njit(cache=True, nogil=True)
def fill(table, hashes, numbers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Enter numbers of different rows, with their hashes."""
    for i in range(len(numbers)):
        _enter(table, cell(hashes[i], numbers[i]))


@njit(cache=True, nogil=True)
def refill(table, cells):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Enter the cells of another table."""
    for taken in cells:
        if taken != 0:
            _enter(table, taken)


@njit(cache=True, nogil=True)
def _enter(table, taken):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    place = home(taken >> _HALF, table)
    while table[place] != 0:
        place = after(place, table)
    table[place] = taken


@njit(cache=True, nogil=True)
def take_out(table, hashed, number):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Free the cell of a number and move up those behind it that would not be found any more."""
    hole = home(hashed, table)
    while number_at(table, hole) != number:
        hole = after(hole, table)
    place = after(hole, table)
    while table[place] != 0:
        wanted = home(table[place] >> _HALF, table)
        if (place - wanted) % len(table) >= (place - hole) % len(table):
            table[hole] = table[place]
            hole = place
        place = after(place, table)
    table[hole] = 0
