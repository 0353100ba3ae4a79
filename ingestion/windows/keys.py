"""Entities as numbers: the different keys of a question get 0, 1, 2, ..., and other rows are told whose they are."""

from functools import reduce
from operator import xor
from typing import Final

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

NOBODY: Final = -1

_NUMBER: Final = "__entity"


class Keys:
    """Numbers of the entities that are asked for.

    Keys are told apart by hashes of 64 bits, in a compiled table, and then compared with the key that a number was
    given to: should two of them ever have one hash, they are told apart by joins.

    Attributes:
        count: How many entities there are.
        asked: (rows,): number of the entity of each row of the question; null keys count as an entity, too.

    Args:
        keys: Key columns of the question's rows; without any, all rows have the same key.
        rows: How many rows it has.
    """

    def __init__(self, keys: pl.DataFrame, rows: int) -> None:
        hashes = _hashes(keys, rows)
        table = _empty_table(2 * rows)
        self.asked, firsts = _number(hashes, *table)
        self.count = len(firsts)
        self._known = keys[firsts] if keys.columns else keys
        self._table = _empty_table(4 * self.count)
        _number(hashes[firsts], *self._table)
        self._exact = _are(keys, self._known, self.asked)
        if not self._exact:
            self._known = keys.unique(maintain_order=True)
            self.count, self.asked = self._known.height, self._joined(keys, nulls_equal=True)

    def numbers(self, keys: pl.DataFrame, rows: int) -> Ints:
        """Number of the entity of each of other rows (rows,); `NOBODY` for nulls and for who is not asked for.

        Args:
            keys: The same key columns, of the same types.
            rows: How many rows there are.
        """
        found = _look_up(_hashes(keys, rows), *self._table) if self._exact else None
        if found is None or not _are(keys, self._known, found):
            return self._joined(keys, nulls_equal=False)
        for column in keys:
            if column.has_nulls():
                found[column.is_null().to_numpy()] = NOBODY
        return found

    def _joined(self, keys: pl.DataFrame, *, nulls_equal: bool) -> Ints:
        numbers = keys.join(
            self._known.with_row_index(_NUMBER),
            on=keys.columns,
            how="left",
            nulls_equal=nulls_equal,
            maintain_order="left",
        )
        return numbers[_NUMBER].cast(pl.Int64).fill_null(NOBODY).to_numpy().copy()


def _hashes(keys: pl.DataFrame, rows: int) -> Hashes:
    if not keys.columns:
        return np.zeros(rows, dtype=np.uint64)
    return reduce(xor, (column.hash(seed).to_numpy() for seed, column in enumerate(keys)))


def _are(keys: pl.DataFrame, known: pl.DataFrame, numbers: Ints) -> bool:
    """Whether each row has the very key that its number stands for, where it has a number."""
    own = pl.Series(numbers).set(pl.Series(numbers < 0), None) if (numbers < 0).any() else pl.Series(numbers)
    numbered = own.is_not_null()
    return all(bool((column.eq_missing(known[column.name].gather(own)) | ~numbered).all()) for column in keys)


def _empty_table(places: int) -> tuple[Hashes, Ints]:
    """Hashes and, one more than, their numbers, of a power of two of places, at least as many as asked for."""
    size = 1 << max(1, places - 1).bit_length()
    return np.empty(size, dtype=np.uint64), np.zeros(size, dtype=np.int64)


@njit(cache=True, nogil=True)
def _number(hashes: Hashes, stored: Hashes, numbers: Ints) -> tuple[Ints, Ints]:
    """Number the hashes in order of appearance: number of each row (rows,), and first row of each number."""
    mask = len(stored) - 1
    result = np.empty(len(hashes), dtype=np.int64)
    firsts = np.empty(len(hashes), dtype=np.int64)
    count = 0
    for row in range(len(hashes)):
        place = np.int64(hashes[row]) & mask
        while numbers[place] and stored[place] != hashes[row]:
            place = (place + 1) & mask
        if not numbers[place]:
            stored[place] = hashes[row]
            firsts[count] = row
            count += 1
            numbers[place] = count
        result[row] = numbers[place] - 1
    return result, firsts[:count].copy()


@njit(cache=True, nogil=True)
def _look_up(hashes: Hashes, stored: Hashes, numbers: Ints) -> Ints:
    """Number of each hash (rows,), -1 where it has none."""
    mask = len(stored) - 1
    result = np.empty(len(hashes), dtype=np.int64)
    for row in range(len(hashes)):
        place = np.int64(hashes[row]) & mask
        while numbers[place] and stored[place] != hashes[row]:
            place = (place + 1) & mask
        result[row] = numbers[place] - 1
    return result
