"""Redis commands as bytes (the RESP protocol), their arguments built by whole columns. Hot path."""

from collections.abc import Sequence

import numpy as np

from ingestion.stores.redis_online import written
from ingestion.stores.redis_online.ragged import Bytes, buffers_of, of_buffers


def bulk(argument: bytes) -> bytes:
    """One argument: its length, then itself."""
    return b"$%d\r\n%b\r\n" % (len(argument), argument)


def head(arguments: int) -> bytes:
    """What a command of so many arguments begins with."""
    return b"*%d\r\n" % arguments


def command(*arguments: bytes) -> bytes:
    """One command."""
    return head(len(arguments)) + b"".join(map(bulk, arguments))


def bulks(arguments: Sequence[Bytes]) -> Bytes:
    """Arguments of each row, one behind the other, as they stand in a command; at least one column."""
    columns = [buffers_of(argument) for argument in arguments]
    sizes = np.zeros(len(arguments[0]), np.int64)
    for _, offsets in columns:
        written.add_bulk_sizes(offsets, sizes)
    bounds = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=bounds[1:])
    out, ends = np.empty(bounds[-1], np.uint8), bounds[:-1].copy()
    for data, offsets in columns:
        written.write_bulks(data, offsets, out, ends)
    return of_buffers(out, bounds.astype(np.int32))
