"""Entities as numbers: the different keys of a question get 0, 1, 2, ..., and other rows are told whose they are."""

from typing import Any, Final, Protocol

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]

NOBODY: Final = -1

_NUMBER: Final = "__entity"
_MOST_GAPS: Final = 8
"""A table over all integers between the least and the greatest key may have this many places per key."""


class Keys(Protocol):
    """Numbers of the entities that are asked for.

    Attributes:
        count: How many there are.
        asked: (rows,): number of the entity of each row of the question; null keys count as an entity, too.
    """

    count: int
    asked: Ints

    def numbers(self, keys: pl.DataFrame, rows: int) -> Ints:
        """Number of the entity of each of other rows (rows,); `NOBODY` for nulls and for who is not asked for.

        Args:
            keys: The same key columns, of the same types.
            rows: How many rows there are.
        """


def keys_of(keys: pl.DataFrame, rows: int) -> Keys:
    """Entities of a question.

    Args:
        keys: Key columns of its rows; without any, all rows have the same key.
        rows: How many rows it has.
    """
    if not keys.columns:
        return _Everything(rows)
    column = keys.to_series()
    if keys.width == 1 and not column.has_nulls() and not column.is_empty():
        if column.dtype == pl.String:
            return _Texts(column)
        if column.dtype.is_integer() and _is_dense(column):
            return _Integers(column)
    return _Rows(keys)


class _Everything:
    """One entity."""

    def __init__(self, rows: int) -> None:
        self.count = 1
        self.asked = np.zeros(rows, dtype=np.int64)

    def numbers(self, keys: pl.DataFrame, rows: int) -> Ints:  # noqa: ARG002  # it has no columns
        return np.zeros(rows, dtype=np.int64)


class _Texts:
    """Strings, by a dictionary of those that are asked for: the others need no room."""

    def __init__(self, column: pl.Series) -> None:
        coded = column.cast(pl.Categorical(pl.Categories.random()))
        self._dictionary = pl.Enum(coded.unique().cast(pl.String))
        self.count = len(self._dictionary.categories)
        self.asked = self._codes(coded)

    def numbers(self, keys: pl.DataFrame, rows: int) -> Ints:  # noqa: ARG002  # known by the column
        return self._codes(keys.to_series())

    def _codes(self, column: pl.Series) -> Ints:
        codes = column.cast(self._dictionary, strict=False).to_physical().cast(pl.Int64)
        return np.ascontiguousarray(codes.fill_null(NOBODY).to_numpy())


class _Integers:
    """Integers, by a table over all between the least and the greatest."""

    def __init__(self, column: pl.Series) -> None:
        self._least, greatest = _bounds(column)
        self._table = np.full(greatest - self._least + 1, NOBODY, dtype=np.int64)
        self.count = _fill(self._table, _int64(column), self._least)
        self.asked = _look_up(self._table, _int64(column), self._least)

    def numbers(self, keys: pl.DataFrame, rows: int) -> Ints:  # noqa: ARG002  # known by the column
        column = keys.to_series()
        found = _look_up(self._table, _int64(column.fill_null(0)), self._least)
        return np.where(column.is_null().to_numpy(), NOBODY, found) if column.has_nulls() else found


class _Rows:
    """Any other columns, by joins."""

    def __init__(self, keys: pl.DataFrame) -> None:
        known = keys.unique().with_row_index(_NUMBER)
        asked = keys.join(known, on=keys.columns, how="left", nulls_equal=True, maintain_order="left")
        self._known = known.drop_nulls()
        self.count = known.height
        self.asked = asked[_NUMBER].to_numpy().astype(np.int64)

    def numbers(self, keys: pl.DataFrame, rows: int) -> Ints:  # noqa: ARG002  # known by the columns
        numbers = keys.join(self._known, on=keys.columns, how="left", maintain_order="left")[_NUMBER]
        return np.ascontiguousarray(numbers.cast(pl.Int64).fill_null(NOBODY).to_numpy())


def _is_dense(column: pl.Series) -> bool:
    least, greatest = _bounds(column)
    return greatest - least < _MOST_GAPS * len(column) and greatest < 2**63


def _int64(column: pl.Series) -> Ints:
    """Unsigned ones above all signed ones wrap below zero, where no key of a table lies."""
    return column.to_numpy().astype(np.int64, copy=False)


def _bounds(column: pl.Series) -> tuple[int, int]:
    bounds: tuple[Any, Any] = (column.min(), column.max())
    return int(bounds[0]), int(bounds[1])


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
