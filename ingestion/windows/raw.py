"""Columns in raw form for compiled loops, and back: fixed 8-byte values, and bytes by start and length.

Integers, booleans, dates, times and floats are fixed values; strings and binary are bytes, as is what polars can write
as text and read again (decimals, enums). Two values are equal exactly when their raw forms are; -0.0 is 0.0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Lengths = NDArray[np.int32]
Bytes = NDArray[np.uint8]
Bools = NDArray[np.bool_]
_NO_BYTES: Bytes = np.empty(0, dtype=np.uint8)


@dataclass(frozen=True)
class Layout:
    """Which of the key columns are fixed values and which are bytes.

    Raises:
        TypeError: for a type without a raw form.
    """

    dtypes: tuple[pl.DataType, ...]

    def __post_init__(self) -> None:
        for dtype in self.dtypes:
            if dtype.is_nested() or dtype in (pl.Null, pl.Object, pl.Unknown):
                raise TypeError(f"no keys of type {dtype}; give numbers, texts, bytes or times")

    @cached_property
    def fixed(self) -> list[int]:
        """Positions of the columns that are fixed values."""
        return [i for i, dtype in enumerate(self.dtypes) if _is_fixed(dtype)]

    @cached_property
    def texts(self) -> list[int]:
        """Positions of the columns that are bytes."""
        return [i for i, dtype in enumerate(self.dtypes) if not _is_fixed(dtype)]


class Raw(NamedTuple):
    """Rows in raw form; compiled loops take it as it is.

    Attributes:
        fixed: Fixed values, shape (rows, fixed columns).
        starts: Where the bytes of each value begin in `data`, shape (rows, columns of bytes).
        lengths: How many bytes each value has, shape (rows, columns of bytes).
        data: The bytes of all values.
    """

    fixed: Ints
    starts: Ints
    lengths: Lengths
    data: Bytes


def present(columns: Sequence[pl.Series]) -> Bools:
    """True where a row has no null, shape (rows,)."""
    filled = np.ones(len(columns[0]), dtype=np.bool_)
    for column in columns:
        if column.null_count():
            filled &= column.is_not_null().to_numpy()
    return filled


def to_raw(layout: Layout, columns: Sequence[pl.Series]) -> Raw:
    """The rows of columns; what stands for a null is not defined."""
    rows = len(columns[0])
    fixed = np.empty((rows, len(layout.fixed)), dtype=np.int64)
    for i, place in enumerate(layout.fixed):
        fixed[:, i] = _fixed(columns[place], layout.dtypes[place])
    starts = np.empty((rows, len(layout.texts)), dtype=np.int64)
    lengths = np.empty((rows, len(layout.texts)), dtype=np.int32)
    parts: list[Bytes] = []
    base = 0
    for i, place in enumerate(layout.texts):
        offsets, data = _bytes(columns[place], layout.dtypes[place])
        np.add(offsets[:-1], base, out=starts[:, i])
        np.subtract(offsets[1:], offsets[:-1], out=lengths[:, i], casting="unsafe")
        parts.append(data)
        base += len(data)
    return Raw(fixed, starts, lengths, _joined(parts))


def from_fixed(values: Ints, dtype: pl.DataType) -> pl.Series:
    """A column of its fixed values, shape (rows,)."""
    if dtype.is_float():
        return pl.Series(values.view(np.float64)).cast(dtype)
    column = pl.Series(values)
    if dtype == pl.UInt64:
        return column.reinterpret(signed=False)
    return column.cast(pl.Int32).cast(dtype) if dtype == pl.Date else column.cast(dtype)


def from_bytes(offsets: Ints, data: Bytes, dtype: pl.DataType) -> pl.Series:
    """A column of its bytes: row i is `data[offsets[i]:offsets[i + 1]]`."""
    kind = pa.large_binary() if dtype == pl.Binary else pa.large_string()
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    column = pl.Series(pa.Array.from_buffers(kind, len(offsets) - 1, buffers))
    return column if column.dtype == dtype else column.cast(dtype)


def _is_fixed(dtype: pl.DataType) -> bool:
    if dtype.is_decimal() or dtype in (pl.Int128, pl.UInt128):
        return False
    return dtype.is_numeric() or dtype.is_temporal() or dtype == pl.Boolean


def _fixed(column: pl.Series, dtype: pl.DataType) -> Ints:
    typed = _typed(column, dtype)
    if typed.null_count():
        typed = typed.to_physical().fill_null(0)
    if dtype.is_float():
        values = typed.cast(pl.Float64).to_numpy() + 0.0
        return np.where(np.isnan(values), np.nan, values).view(np.int64)
    if dtype == pl.UInt64:
        return typed.reinterpret(signed=True).to_numpy()
    return typed.to_physical().cast(pl.Int64).to_numpy()


def _bytes(column: pl.Series, dtype: pl.DataType) -> tuple[Ints, Bytes]:
    kind = pl.Binary() if dtype == pl.Binary else pl.String()
    array = _typed(_typed(column, dtype), kind).to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    if offsets is None:
        return np.zeros(1, dtype=np.int64), _NO_BYTES.copy()
    ends = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return ends, np.frombuffer(data, dtype=np.uint8) if data else _NO_BYTES.copy()


def _typed(column: pl.Series, dtype: pl.DataType) -> pl.Series:
    return column if column.dtype == dtype else column.cast(dtype)


def _joined(parts: list[Bytes]) -> Bytes:
    joined = parts[0] if len(parts) == 1 else np.concatenate([_NO_BYTES, *parts])
    # Arrow's bytes cannot be written to; compiled loops are compiled once when no others can either.
    joined.flags.writeable = False
    return joined
