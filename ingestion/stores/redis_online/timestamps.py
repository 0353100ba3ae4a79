"""Event timestamps as Feast's Redis format keeps them: a ``google.protobuf.Timestamp``, seconds and nanoseconds. Hot path."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
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


def unix_seconds(stored: bytes) -> float:
    """Unix seconds of a stored Timestamp."""
    seconds, nanos = decode(stored)
    return seconds + nanos * 1e-9


def unix_seconds_of(stored: Sequence[bytes | None]) -> NDArray[np.float64]:
    """Unix seconds of stored Timestamps, [rows]; NaN where there is none."""
    if len(stored) < _MANY:
        return np.array([np.nan if cell is None else unix_seconds(cell) for cell in stored])
    at = decode_all(stored)
    return np.where([cell is None for cell in stored], np.nan, at.seconds + at.nanos * 1e-9)


def unix_microseconds_of(stored: Sequence[bytes | None]) -> list[int | None]:
    """Unix microseconds of stored Timestamps, cut; None where there is none."""
    if len(stored) < _MANY:
        return [None if cell is None else _unix_microseconds(cell) for cell in stored]
    at = decode_all(stored)
    microseconds = (at.seconds * 10**6 + at.nanos // 1000).tolist()
    return [None if cell is None else us for cell, us in zip(stored, microseconds, strict=True)]


def are_before(stored: Sequence[bytes | None], unix_seconds_of_limit: float) -> list[bool]:
    """Which stored Timestamps are before an instant; False where there is none."""
    if len(stored) < _MANY:
        return [at is not None and unix_seconds(at) < unix_seconds_of_limit for at in stored]
    before: list[bool] = (unix_seconds_of(stored) < unix_seconds_of_limit).tolist()
    return before


def _unix_microseconds(stored: bytes) -> int:
    seconds, nanos = decode(stored)
    return seconds * 10**6 + nanos // 1000


def instant(stored: bytes) -> datetime:
    """UTC datetime of a stored Timestamp, cut to microseconds."""
    seconds, nanos = decode(stored)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=nanos // 1000)
