"""Redis commands as bytes (the RESP protocol), their arguments built by whole columns. Hot path."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ingestion.stores.redis_online.ragged import Bytes, joined, lengths_of


def bulk(argument: bytes) -> bytes:
    """One argument: its length, then itself."""
    return b"$%d\r\n%b\r\n" % (len(argument), argument)


def head(arguments: int) -> bytes:
    """What a command of so many arguments begins with."""
    return b"*%d\r\n" % arguments


def bulks(arguments: Sequence[Bytes]) -> Bytes:
    """Arguments of each row, one behind the other, as they stand in a command; at least one column."""
    parts: list[Bytes | bytes] = []
    before = b""
    for argument in arguments:
        parts += [_lengths(argument, before), argument]
        before = b"\r\n"
    return joined([*parts, before])


def _lengths(column: Bytes, before: bytes) -> Bytes:
    """``before`` and the length line of each row; there are few different lengths, so each is written once."""
    different, which = np.unique(lengths_of(column), return_inverse=True)
    lines = pa.array([b"%b$%d\r\n" % (before, length) for length in different], pa.binary())
    return lines.take(pa.array(which))
