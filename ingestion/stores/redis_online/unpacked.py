"""Protobuf varints of many byte strings at once. Hot path, compiled."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]


@njit(cache=True, nogil=True)
def varint_fields(data: NDArray[np.uint8], lengths: Ints) -> tuple[Ints, Ints, Ints]:
    """First byte of each message, and the values of its first and second varint field.

    Args:
        data: The messages one behind the other, each at most two fields of varint type.
        lengths: Bytes of each message, [rows]; 0 is a message without fields.

    Returns:
        Tag of the first field (0 where there is none), its value, the second field's value (0 where there is none),
        each [rows].
    """
    rows = len(lengths)
    tags, first, second = np.zeros(rows, np.int64), np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    start = 0
    for row in range(rows):
        stop = start + lengths[row]
        at, fields = start, 0
        while at < stop and fields < 2:
            tag, at = np.int64(data[at]), at + 1
            value, shift = np.uint64(0), np.uint64(0)
            while at < stop:
                byte = np.uint64(data[at])
                at += 1
                value |= (byte & np.uint64(127)) << shift
                shift += np.uint64(7)
                if byte < np.uint64(128):
                    break
            if fields == 0:
                tags[row], first[row] = tag, np.int64(value)
            else:
                second[row] = np.int64(value)
            fields += 1
        start = stop
    return tags, first, second


def joined(cells: list[bytes]) -> tuple[NDArray[np.uint8], Ints]:
    """Byte strings one behind the other, and their lengths."""
    return np.frombuffer(b"".join(cells), np.uint8), np.fromiter(map(len, cells), np.int64, len(cells))
