"""Loops that write columns of byte strings. Hot path, compiled.

A column is its bytes, one row behind the other, and ``offsets`` (rows + 1,) int32 that say where each row starts.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Data = NDArray[np.uint8]
Offsets = NDArray[np.int32]
Ints = NDArray[np.int64]

LONGEST_VARINT = 10
_DOLLAR, _RETURN, _NEWLINE, _ZERO = 36, 13, 10, 48


@njit(cache=True, nogil=True)
def rows(matrix: Data, lengths: Ints) -> tuple[Data, Offsets]:
    """The first ``lengths[i]`` bytes of each row of ``matrix`` (rows, width)."""
    offsets = np.zeros(len(lengths) + 1, np.int32)
    for row in range(len(lengths)):
        offsets[row + 1] = offsets[row] + lengths[row]
    data = np.empty(offsets[-1], np.uint8)
    for row in range(len(lengths)):
        for i in range(lengths[row]):
            data[offsets[row] + i] = matrix[row, i]
    return data, offsets


@njit(cache=True, nogil=True)
def varints(values: Ints, tag: int, absent: NDArray[np.bool_]) -> tuple[Data, Offsets]:
    """``tag`` and the protobuf varint of each value (rows,); nothing where ``absent`` (rows,)."""
    offsets = np.zeros(len(values) + 1, np.int32)
    data = np.empty(len(values) * (1 + LONGEST_VARINT), np.uint8)
    at = 0
    for row in range(len(values)):
        if not absent[row]:
            data[at] = tag
            at += 1
            left = np.uint64(values[row])
            while left >= np.uint64(128):
                data[at] = np.uint8(left & np.uint64(127)) | np.uint8(128)
                at += 1
                left >>= np.uint64(7)
            data[at] = np.uint8(left)
            at += 1
        offsets[row + 1] = at
    return data[:at], offsets


@njit(cache=True, nogil=True)
def add_bulk_sizes(offsets: Offsets, sizes: Ints) -> None:
    """Add to ``sizes`` (rows,) the bytes that each row of a column takes as an argument of a Redis command."""
    for row in range(len(sizes)):
        length = offsets[row + 1] - offsets[row]
        sizes[row] += length + _digits(length) + 5


@njit(cache=True, nogil=True)
def write_bulks(data: Data, offsets: Offsets, out: Data, ends: Ints) -> None:
    """Write each row of a column as an argument (``$``, length, line, bytes, line) where the row of ``out`` ends.

    Args:
        data: Bytes of the column.
        offsets: (rows + 1,).
        out: What is written.
        ends: (rows,): where in `out` each row goes on; moved behind what was written.
    """
    for row in range(len(ends)):
        start, length = offsets[row], offsets[row + 1] - offsets[row]
        at = ends[row]
        out[at] = _DOLLAR
        digits = _digits(length)
        left = length
        for i in range(digits, 0, -1):
            out[at + i] = _ZERO + left % 10
            left //= 10
        at = _line(out, at + 1 + digits)
        for i in range(length):
            out[at + i] = data[start + i]
        ends[row] = _line(out, at + length)


@njit(cache=True, nogil=True, inline="always")
def _line(out: Data, at: int) -> int:
    out[at] = _RETURN
    out[at + 1] = _NEWLINE
    return at + 2


@njit(cache=True, nogil=True)
def _digits(number: int) -> int:
    count = 1
    while number >= 10:
        number //= 10
        count += 1
    return count
