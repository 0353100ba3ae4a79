"""Writing rows of a view: the newest wins, decided in Redis. Hot path."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final

from redis.exceptions import NoScriptError

from ingestion.stores.redis_online.link import Link, checked
from ingestion.stores.redis_online.ragged import Bytes
from ingestion.stores.redis_online.resp import commands
from ingestion.stores.redis_online.timestamps import Instants

SCRIPT: Final = files(__package__).joinpath("newest_wins.lua").read_text()
SHA: Final = sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest().encode()

ROUND_TRIP_ROWS: Final = 500


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
class NewestWins:
    """How rows are written.

    Attributes:
        expiry_seconds: How long an entity is kept after its last write; None keeps it.
        compare: False writes whatever is stored (Feast's ``skip_dedup``).
    """

    expiry_seconds: int | None
    compare: bool

    def write(
        self, link: Link, timestamp_field: bytes, rows: Rows, progress: Callable[[int], Any] | None
    ) -> WriteCounts:
        """Write rows in order; of equal timestamps the later row stays.

        Args:
            link: Where to.
            timestamp_field: Hash field of the view's event timestamp.
            rows: What to write.
            progress: Called with the number of rows done, after each round trip.

        Raises:
            redis.exceptions.ResponseError: the first error Redis gave for a row.
        """
        total = WriteCounts()
        packed, keys = self._commands(timestamp_field, rows), rows.keys
        for start in range(0, len(keys), ROUND_TRIP_ROWS):
            part = slice(start, start + ROUND_TRIP_ROWS)
            replies = _round_trip(link, keys[part].to_pylist(), packed[part].to_pylist())
            written = sum(replies)
            total += WriteCounts(written, len(replies) - written)
            if progress is not None:
                progress(len(replies))
        return total

    def _commands(self, timestamp_field: bytes, rows: Rows) -> Bytes:
        seconds, nanos = rows.instants.decimals() if self.compare else (b"", b"")
        expiry = str(self.expiry_seconds).encode() if self.expiry_seconds else b""
        pairs = [part for pair in rows.values.items() for part in pair]
        row = [rows.keys, seconds, nanos, expiry, timestamp_field, rows.instants.encoded(), *pairs]
        return commands([b"EVALSHA", SHA, b"1", *row])


def _round_trip(link: Link, keys: Sequence[bytes], packed: Sequence[bytes]) -> list[int]:
    replies = link.send(keys, packed)
    if any(isinstance(reply, NoScriptError) for reply in replies):
        # A new server does not know the script yet. Rows already written are sent again and win: they are equal.
        link.client.script_load(SCRIPT)
        replies = link.send(keys, packed)
    return checked(replies)
