"""Redis commands as bytes (the RESP protocol), one command a row, built by whole columns. Hot path."""

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


def commands(arguments: Sequence[Bytes | bytes]) -> Bytes:
    """A command per row; an argument given once is the same in every row.

    Args:
        arguments: At least one column, all of the same length.
    """
    parts: list[Bytes | bytes] = []
    constant = head(len(arguments))
    for argument in arguments:
        if isinstance(argument, bytes):
            constant += bulk(argument)
        else:
            parts += [_lengths(argument, constant), argument]
            constant = b"\r\n"
    return joined([*parts, constant])


def _lengths(column: Bytes, before: bytes) -> Bytes:
    """``before`` and the length line of each row; there are few different lengths, so each is written once."""
    different, which = np.unique(lengths_of(column), return_inverse=True)
    lines = pa.array([b"%b$%d\r\n" % (before, length) for length in different], pa.binary())
    return lines.take(pa.array(which))
