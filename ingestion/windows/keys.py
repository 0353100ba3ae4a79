"""Entities as numbers: the different keys of a question get 0, 1, 2, ..., and other rows are told whose they are."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NOBODY: Final = -1

_NUMBER: Final = "__entity"
_MOST_GAPS: Final = 8
"""A table over all integers between the least and the greatest key may have this many places per key."""


@dataclass(frozen=True)
class Keys:
    """Numbers of the entities that are asked for.

    Attributes:
        count: How many there are.
        asked: (rows,): number of the entity of each row of the question; null keys count as an entity, too.
    """

    count: int
    asked: Ints
    _known: pl.DataFrame
    _table: Ints | None
    _least: int

    @classmethod
    def of(cls, keys: pl.DataFrame, rows: int) -> "Keys":
        """Entities of a question.

        Args:
            keys: Key columns of its rows; without any, all rows have the same key.
            rows: How many rows it has.
        """
        if not keys.columns:
            return cls(1, np.zeros(rows, dtype=np.int64), keys, None, 0)
        bounds = _dense_range(keys)
        if bounds is not None:
            column, least = _integers(keys.to_series()), bounds[0]
            table = np.full(bounds[1] - least + 1, NOBODY, dtype=np.int64)
            count = _fill(table, column, least)
            return cls(count, _look_up(table, column, least), keys.clear(), table, least)
        known = keys.unique().with_row_index(_NUMBER)
        asked = keys.join(known, on=keys.columns, how="left", nulls_equal=True, maintain_order="left")
        return cls(known.height, asked[_NUMBER].to_numpy().astype(np.int64), known.drop_nulls(), None, 0)

    def numbers(self, keys: pl.DataFrame, rows: int) -> Ints:
        """Number of the entity of each of other rows (rows,), of the same key columns; `NOBODY` for all others.

        Args:
            keys: Key columns, of the types that the question has; nulls are nobody.
            rows: How many rows there are.
        """
        if not keys.columns:
            return np.zeros(rows, dtype=np.int64)
        if self._table is not None:
            column = keys.to_series()
            found = _look_up(self._table, _integers(column.fill_null(0)), self._least)
            return np.where(column.is_null().to_numpy(), NOBODY, found) if column.has_nulls() else found
        numbers = keys.join(self._known, on=keys.columns, how="left", maintain_order="left")[_NUMBER]
        return numbers.cast(pl.Int64).fill_null(NOBODY).to_numpy()


def _dense_range(keys: pl.DataFrame) -> tuple[int, int] | None:
    """Least and greatest of a single integer key without nulls, where a table over all between them is worth it."""
    column = keys.to_series()
    if keys.width != 1 or not column.dtype.is_integer() or column.has_nulls() or column.is_empty():
        return None
    least, greatest = (int(bound) for bound in _bounds(column))
    fits = greatest - least < _MOST_GAPS * len(column) and greatest < 2**63
    return (least, greatest) if fits else None


def _integers(column: pl.Series) -> Ints:
    """Unsigned ones above all signed ones wrap below zero, where no key of such a table lies."""
    return column.to_numpy().astype(np.int64, copy=False)


def _bounds(column: pl.Series) -> tuple[Any, Any]:
    return column.min(), column.max()


@njit(cache=True, nogil=True)
def _fill(table: Ints, keys: Ints, least: int) -> int:
    """Number the keys in `table` (greatest - least + 1,) in order of appearance; returns how many there are."""
    count = 0
    for key in keys:
        if table[key - least] < 0:
            table[key - least] = count
            count += 1
    return count


@njit(cache=True, nogil=True)
def _look_up(table: Ints, keys: Ints, least: int) -> Ints:
    found = np.empty(len(keys), dtype=np.int64)
    for i in range(len(keys)):
        place = keys[i] - least
        found[i] = table[place] if 0 <= place < len(table) else -1
    return found
