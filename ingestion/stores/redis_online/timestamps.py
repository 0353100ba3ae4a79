"""Event timestamps as Feast's Redis format keeps them: a ``google.protobuf.Timestamp``, seconds and nanoseconds. Hot path."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, chain, pairwise

import numpy as np
import pyarrow as pa
from google.protobuf.timestamp_pb2 import Timestamp
from numpy.typing import NDArray

from ingestion.stores.redis_online import unpacked
from ingestion.stores.redis_online.ragged import Bytes, joined, varints
from ingestion.stores.redis_online.values import varint

_SECONDS, _NANOS = 0x08, 0x10
_MANY = 16
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


@dataclass(frozen=True)
class Instants:
    """A column of instants.

    Attributes:
        seconds: Unix seconds rounded down, int64 [rows].
        nanos: Nanoseconds behind the second, int64 [rows], in [0, 1e9).
    """

    seconds: NDArray[np.int64]
    nanos: NDArray[np.int64]

    def milliseconds(self) -> NDArray[np.int64]:
        """Unix milliseconds, rounded down, int64 [rows]."""
        return self.seconds * 1000 + self.nanos // 10**6

    def encoded(self) -> Bytes:
        """Timestamp protobuf of each row; a part that is zero takes no bytes."""
        seconds = varints(self.seconds, _SECONDS, self.seconds == 0)
        return joined([seconds, varints(self.nanos, _NANOS, self.nanos == 0)])


def instants(column: pa.Array) -> Instants:
    """Instants of a timestamp column; without zone it is UTC.

    Raises:
        ValueError: on another type and on nulls: a row without event time has no place in the order of rows.
    """
    if not pa.types.is_timestamp(column.type):
        raise ValueError(f"an event timestamp is a timestamp column, not {column.type}")
    if column.null_count:
        raise ValueError(f"{column.null_count} of {len(column)} rows have no event timestamp")
    per_second = _PER_SECOND[column.type.unit]
    ticks = column.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return Instants(ticks // per_second, ticks % per_second * (10**9 // per_second))


def decode(stored: bytes) -> tuple[int, int]:
    """Seconds and nanoseconds of a stored Timestamp."""
    seconds = nanos = at = 0
    while at < len(stored):
        tag = stored[at]
        value, at = varint(stored, at + 1)
        if tag == _SECONDS:
            seconds = value
        elif tag == _NANOS:
            nanos = value
    return seconds, nanos


def decode_all(stored: Sequence[bytes | None]) -> Instants:
    """Instants of stored Timestamps; 1970 where there is none."""
    tags, first, second = unpacked.varint_fields(*unpacked.joined([at or b"" for at in stored]))
    has_seconds = tags == _SECONDS
    return Instants(np.where(has_seconds, first, 0), np.where(has_seconds, second, first))


def unix_microseconds_of(stored: Sequence[bytes | None]) -> list[int | None]:
    """Unix microseconds of stored Timestamps, cut; None where there is none."""
    if len(stored) < _MANY:
        return [None if cell is None else _unix_microseconds(cell) for cell in stored]
    at = decode_all(stored)
    microseconds: list[int | None] = (at.seconds * 10**6 + at.nanos // 1000).tolist()
    if None in stored:
        return [None if cell is None else us for cell, us in zip(stored, microseconds, strict=True)]
    return microseconds


def unix_microseconds_of_all(columns: Sequence[Sequence[bytes | None]]) -> list[list[int | None]]:
    """As ``unix_microseconds_of`` for several columns, decoded together."""
    decoded = unix_microseconds_of(list(chain.from_iterable(columns)))
    bounds = accumulate(map(len, columns), initial=0)
    return [decoded[start:stop] for start, stop in pairwise(bounds)]


def are_before(stored: Sequence[bytes | None], unix_seconds_of_limit: float) -> list[bool]:
    """Which stored Timestamps are before an instant; False where there is none."""
    limit = unix_seconds_of_limit * 10**6
    return [at is not None and at < limit for at in unix_microseconds_of(stored)]


def _unix_microseconds(stored: bytes) -> int:
    # The protobuf's own parser is compiled: half the time of `decode`.
    at = Timestamp.FromString(stored)
    return at.seconds * 10**6 + at.nanos // 1000


def instant(stored: bytes) -> datetime:
    """UTC datetime of a stored Timestamp, cut to microseconds."""
    seconds, nanos = decode(stored)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanos // 1000)
