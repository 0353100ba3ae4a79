"""A dead letter: a message that could not be read, kept as it was, with where it came from and why it is here.

On the dead-letter topic the message's value and key are the original bytes; the rest is in the headers. Where it came
from identifies it: after a crash a message may be put aside a second time, readers count an origin once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from ingestion.stream.messages import Partition

Headers = list[tuple[str, bytes]]
MAX_VALUE_BYTES: Final = 900_000
"""A longer value is cut, as brokers take messages of up to 1 MiB by default; the whole lies at its origin."""


class NotADeadLetterError(ValueError):
    """A message on the dead-letter topic that the stream worker did not write."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused message.

    Attributes:
        topic: Where it was read.
        partition: Partition of ``topic``.
        offset: Offset in the partition.
        arrival_us: Kafka's timestamp, microseconds since the Unix epoch.
        kind: Kind of reason, one of `ingestion.events.refusal.KINDS`.
        reason: What is wrong, for people.
        key: The original key.
        value: The original bytes, at most `MAX_VALUE_BYTES` of them; None for a message without value.
        size: Bytes of the original value.
    """

    topic: str
    partition: int
    offset: int
    arrival_us: int
    kind: str
    reason: str
    key: bytes | None
    value: bytes | None
    size: int

    @property
    def origin(self) -> tuple[Partition, int, int]:
        """Identity: partition, offset and arrival (a topic made anew counts its offsets from zero again)."""
        return (self.topic, self.partition), self.offset, self.arrival_us

    @property
    def is_whole(self) -> bool:
        """Whether ``value`` is all of the message."""
        return len(self.value or b"") == self.size

    def headers(self) -> Headers:
        """Everything but key and value, as Kafka headers of UTF-8 text."""
        texts = {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "arrival_us": self.arrival_us,
            "kind": self.kind,
            "reason": self.reason,
            "size": self.size,
        }
        return [(name, str(text).encode()) for name, text in texts.items()]

    @classmethod
    def of(
        cls,
        origin: tuple[str, int, int],
        arrival_us: int,
        why: tuple[str, str],
        key: bytes | None,
        value: bytes | None,
    ) -> Self:
        """Put a message aside.

        Args:
            origin: Topic, partition, offset.
            arrival_us: Kafka's timestamp, microseconds since the Unix epoch.
            why: Kind and reason.
            key: Key of the message.
            value: Its bytes, of any length.
        """
        kept = value if value is None else value[:MAX_VALUE_BYTES]
        return cls(*origin, arrival_us, *why, key=key, value=kept, size=len(value or b""))

    @classmethod
    def from_message(
        cls, headers: Sequence[tuple[str, bytes]] | None, key: bytes | None, value: bytes | None
    ) -> Self:
        """Read one back.

        Raises:
            NotADeadLetterError: a header is missing or not what `headers` writes.
        """
        texts = {name: raw.decode() for name, raw in headers or ()}
        try:
            return cls(
                topic=texts["topic"],
                partition=int(texts["partition"]),
                offset=int(texts["offset"]),
                arrival_us=int(texts["arrival_us"]),
                kind=texts["kind"],
                reason=texts["reason"],
                key=key,
                value=value,
                size=int(texts["size"]),
            )
        except (KeyError, ValueError) as error:
            raise NotADeadLetterError(
                f"not a dead letter: its headers {sorted(texts)} lack or garble {error}"
            ) from error
