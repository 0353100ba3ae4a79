"""Messages as they were read, neutral of the Kafka client: parallel lists per topic."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

Partition = tuple[str, int]
"""Topic and number of a partition."""


class Message(Protocol):
    """The part of confluent_kafka.Message that is used."""

    def topic(self) -> str:
        """Name of its topic."""

    def partition(self) -> int:
        """Number of its partition."""

    def offset(self) -> int:
        """Its offset in the partition."""

    def key(self) -> bytes | None:
        """The key's bytes."""

    def value(self) -> bytes | None:
        """The value's bytes."""

    def timestamp(self) -> tuple[int, int]:
        """Kind of timestamp, milliseconds since the Unix epoch (-1 where there is none)."""


@dataclass(frozen=True, slots=True)
class TopicBatch:
    """Messages of one topic in the order read; the lists have one length.

    Attributes:
        topic: Name of the topic.
        keys: Bytes of each key.
        values: Bytes of each message; None for a tombstone.
        arrivals_us: Kafka's timestamp, microseconds since the Unix epoch; 0 where there is none.
        partitions: Number of each message's partition.
        offsets: Offset of each message in its partition.
    """

    topic: str
    keys: list[bytes | None] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)
    arrivals_us: list[int] = field(default_factory=list)
    partitions: list[int] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.values)

    def append(self, message: Message) -> None:
        """Add a message of this topic."""
        self.keys.append(message.key())
        self.values.append(message.value())
        self.arrivals_us.append(max(0, message.timestamp()[1]) * 1000)
        self.partitions.append(message.partition())
        self.offsets.append(message.offset())

    def next_offsets(self) -> dict[Partition, int]:
        """Offset behind the last message of each partition."""
        return {(self.topic, p): o + 1 for p, o in zip(self.partitions, self.offsets, strict=True)}


def by_topic(messages: Iterable[Message]) -> list[TopicBatch]:
    """Split what was read; each topic keeps its order."""
    batches: dict[str, TopicBatch] = {}
    for message in messages:
        topic = message.topic()
        if topic not in batches:
            batches[topic] = TopicBatch(topic)
        batches[topic].append(message)
    return list(batches.values())
