"""Splits histories that do not fit in memory into parts by key; every part is read and answered on its own."""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import xor
from typing import Final

import polars as pl

_BYTES: Final[Mapping[type[pl.DataType], int]] = {
    pl.Boolean: 1,
    pl.Int8: 1,
    pl.UInt8: 1,
    pl.Int16: 2,
    pl.UInt16: 2,
    pl.Int32: 4,
    pl.UInt32: 4,
    pl.Float32: 4,
    pl.Date: 4,
    pl.String: 32,
    pl.Binary: 32,
}
_OTHER_BYTES: Final = 8


def row_bytes(schema: Mapping[str, pl.DataType], columns: Sequence[str]) -> int:
    """About how much memory a row of some columns takes."""
    return sum(_BYTES.get(type(schema[column]), _OTHER_BYTES) for column in columns)


def parts_of(rows: int, bytes_per_row: int, limit_bytes: int) -> int:
    """How many parts of equal size stay within a limit, at least one."""
    return max(1, -(-rows * bytes_per_row // limit_bytes))


def in_part(keys: Sequence[str], part: int, parts: int) -> pl.Expr:
    """Whether a row belongs to a part, by its key; rows with equal keys of equal types are in the same one.

    Args:
        keys: Key columns; none: everything is one entity, which cannot be split, and lies in part 0.
        part: Number of the part, below `parts`.
        parts: How many there are; one holds everything.
    """
    if parts == 1:
        return pl.lit(value=True)
    if not keys:
        return pl.lit(part == 0)
    return reduce(xor, (pl.col(key).hash(seed) for seed, key in enumerate(keys))) % parts == part
