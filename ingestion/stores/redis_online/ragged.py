"""Columns of byte strings of different lengths, built by whole columns."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ingestion.stores.redis_online import written

Bytes: TypeAlias = pa.BinaryArray
"""A column of byte strings, 32-bit offsets, without nulls."""


def of_buffers(data: NDArray[np.uint8], offsets: NDArray[np.int32]) -> Bytes:
    """Byte strings that stand one behind the other in ``data``; ``offsets`` [rows + 1] delimit them."""
    return pa.Array.from_buffers(
        pa.binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    )


def from_matrix(matrix: NDArray[np.uint8], lengths: NDArray[np.int64]) -> Bytes:
    """The first ``lengths[i]`` bytes of each row; ``matrix`` is [rows, width], ``lengths`` [rows]."""
    return of_buffers(*written.rows(matrix, lengths))


def varints(values: NDArray[np.int64], tag: int, absent: NDArray[np.bool_]) -> Bytes:
    """Protobuf fields of varint type: the tag byte, then the value; nothing where ``absent``.

    Negative values take ten bytes, as protobuf's int32 and int64 do.
    """
    return of_buffers(*written.varints(values, tag, absent))


def fixed(values: NDArray[np.generic], tag: int, absent: NDArray[np.bool_]) -> Bytes:
    """Protobuf fields of fixed width: the tag byte, then the little-endian value; nothing where ``absent``."""
    width = values.dtype.itemsize
    matrix = np.empty((len(values), 1 + width), np.uint8)
    matrix[:, 0] = tag
    little_endian = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    matrix[:, 1:] = little_endian.view(np.uint8).reshape(len(values), width)
    lengths = np.full(len(values), 1 + width)
    lengths[absent] = 0
    return from_matrix(matrix, lengths)


def joined(parts: Sequence[Bytes | bytes]) -> Bytes:
    """Each row's parts one behind the other; a part given once is the same in every row."""
    columns = [pa.scalar(part, pa.binary()) if isinstance(part, bytes) else part for part in parts]
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.binary()))


def lengths_of(column: Bytes) -> NDArray[np.int64]:
    """Length of each byte string."""
    return pc.binary_length(column).to_numpy(zero_copy_only=False).astype(np.int64)


def buffers_of(column: Bytes) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """The bytes of a column, and where each row starts and the last one ends, [rows + 1]."""
    _, offsets, data = column.buffers()
    first, rows = column.offset, len(column)
    bounds = np.frombuffer(offsets, np.int32)[first : first + rows + 1] if rows else np.zeros(1, np.int32)
    return np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8), bounds


class Slices:
    """Byte strings that stand one behind the other, joined without touching each.

    ``Slices(column)[2:5]`` is ``b"".join(column[2:5].to_pylist())``.
    """

    def __init__(self, column: Bytes) -> None:
        data, self._offsets = buffers_of(column)
        self._data = data.data

    def __getitem__(self, rows: slice) -> memoryview:
        return self._data[self._offsets[rows.start] : self._offsets[rows.stop]]
