"""Columns of byte strings of different lengths, built by whole columns."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Bytes: TypeAlias = pa.BinaryArray
"""A column of byte strings, 32-bit offsets, without nulls."""

_LONGEST_VARINT = 10


def from_matrix(matrix: NDArray[np.uint8], lengths: NDArray[np.int64]) -> Bytes:
    """The first ``lengths[i]`` bytes of each row; ``matrix`` is [rows, width], ``lengths`` [rows]."""
    rows, width = matrix.shape
    offsets = np.zeros(rows + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    inside = np.arange(width) < lengths[:, None]
    data = np.ascontiguousarray(matrix[inside])
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(data)])


def varints(values: NDArray[np.int64], tag: int, absent: NDArray[np.bool_]) -> Bytes:
    """Protobuf fields of varint type: the tag byte, then the value; nothing where ``absent``.

    Negative values take ten bytes, as protobuf's int32 and int64 do.
    """
    left = values.view(np.uint64)
    matrix = np.empty((len(values), 1 + _LONGEST_VARINT), np.uint8)
    matrix[:, 0] = tag
    lengths = np.full(len(values), 2)
    for byte in range(_LONGEST_VARINT):
        more = left >= 128
        matrix[:, 1 + byte] = (left & np.uint64(127)).astype(np.uint8) | (more.view(np.uint8) << 7)
        lengths += more
        left = left >> np.uint64(7)
    lengths[absent] = 0
    return from_matrix(matrix, lengths)


def fixed(values: NDArray[np.generic], tag: int, absent: NDArray[np.bool_]) -> Bytes:
    """Protobuf fields of fixed width: the tag byte, then the little-endian value; nothing where ``absent``."""
    width = values.dtype.itemsize
    matrix = np.empty((len(values), 1 + width), np.uint8)
    matrix[:, 0] = tag
    little_endian = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    matrix[:, 1:] = little_endian.view(np.uint8).reshape(len(values), width)
    return from_matrix(matrix, np.where(absent, 0, 1 + width))


def joined(parts: Sequence[Bytes | bytes]) -> Bytes:
    """Each row's parts one behind the other; a part given once is the same in every row."""
    columns = [pa.scalar(part, pa.binary()) if isinstance(part, bytes) else part for part in parts]
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.binary()))


def lengths_of(column: Bytes) -> NDArray[np.int64]:
    """Length of each byte string."""
    return pc.binary_length(column).to_numpy(zero_copy_only=False).astype(np.int64)


class Slices:
    """Byte strings that stand one behind the other, joined without touching each.

    ``Slices(column)[2:5]`` is ``b"".join(column[2:5].to_pylist())``.
    """

    def __init__(self, column: Bytes) -> None:
        _, offsets, data = column.buffers()
        first, rows = column.offset, len(column)
        self._offsets = np.frombuffer(offsets, np.int32)[first : first + rows + 1]
        self._data = memoryview(data) if data is not None else memoryview(b"")

    def __getitem__(self, rows: slice) -> memoryview:
        return self._data[self._offsets[rows.start] : self._offsets[rows.stop]]
