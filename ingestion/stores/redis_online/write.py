"""Writing rows of a view: the newest wins, decided in Redis. Hot path."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from redis.exceptions import NoScriptError

from ingestion.stores.redis_online import resp
from ingestion.stores.redis_online.link import Link, checked
from ingestion.stores.redis_online.ragged import Bytes, Slices
from ingestion.stores.redis_online.timestamps import Instants

SCRIPT: Final = files(__package__).joinpath("newest_wins.lua").read_text()
SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest().encode()

SCRIPT_ROWS: Final = 64
"""Rows that one call of the script writes; Redis does nothing else meanwhile (some 0.6 ms)."""

ROUND_TRIP_ROWS: Final = 2_500


@dataclass(frozen=True)
class WriteCounts:
    """What became of the rows of a write.

    Attributes:
        written: Rows now stored.
        refused: Rows older than the stored one.
    """

    written: int = 0
    refused: int = 0

    def __add__(self, other: "WriteCounts") -> "WriteCounts":
        return WriteCounts(self.written + other.written, self.refused + other.refused)


@dataclass(frozen=True)
class Rows:
    """Rows of one view in wire form, all columns of the same length.

    Attributes:
        keys: Redis key of each row's entity.
        instants: Event timestamp of each row.
        values: Hash field of each feature to its column of Value bytes.
    """

    keys: Bytes
    instants: Instants
    values: Mapping[bytes, Bytes]


@dataclass(frozen=True)
class Expiry:
    """When rows leave Redis by themselves.

    Attributes:
        entity_seconds: The whole entity, so long after its last write; None: never.
        deadlines_ms: The fields of each row, Unix milliseconds, int64 [rows]; None: never. Needs field expiry.
    """

    entity_seconds: int | None = None
    deadlines_ms: NDArray[np.int64] | None = None


@dataclass
class RoundTrip:
    """Packed calls of the script that are sent together.

    Attributes:
        keys: A key of each call, which says where it belongs.
        commands: The calls.
        rows: How many rows they write.
    """

    keys: list[bytes] = field(default_factory=list)
    commands: list[bytes] = field(default_factory=list)
    rows: int = 0


@dataclass(frozen=True)
class NewestWins:
    """Which rows are written.

    Attributes:
        compare: False writes whatever is stored (Feast's ``skip_dedup``).
        equal_wins: Whether a row of the stored row's very instant replaces it.
    """

    compare: bool = True
    equal_wins: bool = True

    def pack(
        self, link: Link, timestamp_field: bytes, rows: Rows, expiry: Expiry | None = None
    ) -> list[RoundTrip]:
        """What is sent to write rows in order; nothing is sent yet.

        Of rows of one entity and one instant the later row stays, unless equals do not win.

        Args:
            link: Where it will be sent: a cluster wants keys of one slot in a call.
            timestamp_field: Hash field of the view's event timestamp.
            rows: What to write.
            expiry: When rows leave Redis by themselves.
        """
        return list(_round_trips(self._calls(link, timestamp_field, rows, expiry or Expiry())))

    def _calls(
        self, link: Link, timestamp_field: bytes, rows: Rows, expiry: Expiry
    ) -> Iterator[tuple[bytes, bytes, int]]:
        """First key, packed command and number of rows of each call of the script."""
        order, starts = _calls_of(len(rows.keys), link.slots(rows.keys))
        columns = [rows.instants.encoded(), *rows.values.values()]
        if expiry.deadlines_ms is not None:
            columns.append(pa.array(expiry.deadlines_ms).cast(pa.string()).cast(pa.binary()))
        keys, packed = resp.bulks([rows.keys]), resp.bulks(columns)
        if order is not None:
            keys, packed = keys.take(pa.array(order)), packed.take(pa.array(order))
        rule = self._rule(timestamp_field, rows, expiry)
        key_bytes, row_bytes = Slices(keys), Slices(packed)
        for start, stop in pairwise(starts):
            count = stop - start
            head = resp.head(3 + count + len(rule) + count * len(columns))
            call = b"".join(map(resp.bulk, (b"EVALSHA", SHA, b"%d" % count)))
            parts: list[bytes | memoryview] = [
                head,
                call,
                key_bytes[start:stop],
                *map(resp.bulk, rule),
                row_bytes[start:stop],
            ]
            first = start if order is None else int(order[start])
            yield rows.keys[first].as_py(), b"".join(parts), count

    def _rule(self, timestamp_field: bytes, rows: Rows, expiry: Expiry) -> list[bytes]:
        wins = (b"equal" if self.equal_wins else b"newer") if self.compare else b"any"
        entity = str(expiry.entity_seconds).encode() if expiry.entity_seconds else b""
        by_field = b"" if expiry.deadlines_ms is None else b"1"
        return [wins, entity, by_field, b"%d" % len(rows.values), timestamp_field, *rows.values]


def _calls_of(rows: int, slots: NDArray[np.int64] | None) -> tuple[NDArray[np.int64] | None, list[int]]:
    """Order of the rows (None: as they are), and where each call of the script starts and the last one ends."""
    if slots is None:
        return None, [*range(0, rows, SCRIPT_ROWS), rows]
    order = np.argsort(slots, kind="stable")
    changes = np.flatnonzero(np.diff(slots[order])) + 1
    bounds = [0, *changes.tolist(), rows]
    starts = [at for start, stop in pairwise(bounds) for at in range(start, stop, SCRIPT_ROWS)]
    return order, [*starts, rows]


def send(link: Link, trips: Sequence[RoundTrip], progress: Callable[[int], Any] | None = None) -> WriteCounts:
    """Send what was packed, one round trip after the other.

    Args:
        link: Where to.
        trips: As `NewestWins.pack` made them.
        progress: Called with the number of rows done, after each round trip.

    Raises:
        redis.exceptions.ResponseError: the first error Redis gave for a row.
    """
    total = WriteCounts()
    for trip in trips:
        written = sum(_replies(link, trip.keys, trip.commands))
        total += WriteCounts(written, trip.rows - written)
        if progress is not None:
            progress(trip.rows)
    return total


def _round_trips(calls: Iterator[tuple[bytes, bytes, int]]) -> Iterator[RoundTrip]:
    trip = RoundTrip()
    for key, command, count in calls:
        trip.keys.append(key)
        trip.commands.append(command)
        trip.rows += count
        if trip.rows >= ROUND_TRIP_ROWS:
            yield trip
            trip = RoundTrip()
    if trip.rows:
        yield trip


def _replies(link: Link, keys: list[bytes], commands: list[bytes]) -> list[int]:
    replies = link.send(keys, commands)
    if any(isinstance(reply, NoScriptError) for reply in replies):
        # A new server does not know the script yet. Rows already written are sent again and win: they are equal.
        link.client.script_load(SCRIPT)
        replies = link.send(keys, commands)
    return checked(replies)
