"""Messages as they were read, neutral of the Kafka client: parallel columns per topic. Hot path."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import itemgetter, methodcaller
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

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
    """Messages of one topic in the order read; all have one length.

    Attributes:
        topic: Name of the topic.
        messages: The messages.
        values: Bytes of each message; None for a tombstone.
        arrivals_us: int64, Kafka's timestamp, microseconds since the Unix epoch; 0 where there is none.
        partitions: int32, number of each message's partition.
        offsets: int64, offset of each message in its partition.
    """

    topic: str
    messages: Sequence[Message]
    values: list[bytes | None]
    arrivals_us: NDArray[np.int64]
    partitions: NDArray[np.int32]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, topic: str, messages: Sequence[Message]) -> Self:
        """From messages of the topic."""
        count = len(messages)
        times = map(itemgetter(1), map(methodcaller("timestamp"), messages))
        return cls(
            topic,
            messages,
            values=list(map(methodcaller("value"), messages)),
            arrivals_us=np.maximum(np.fromiter(times, dtype=np.int64, count=count), 0) * 1000,
            partitions=np.fromiter(map(methodcaller("partition"), messages), dtype=np.int32, count=count),
            offsets=np.fromiter(map(methodcaller("offset"), messages), dtype=np.int64, count=count),
        )

    def __len__(self) -> int:
        return len(self.values)

    def next_offsets(self) -> dict[Partition, int]:
        """Offset behind the last message of each partition."""
        last = dict(zip(self.partitions.tolist(), self.offsets.tolist(), strict=True))
        return {(self.topic, partition): offset + 1 for partition, offset in last.items()}


def by_topic(messages: Iterable[Message]) -> list[TopicBatch]:
    """Split what was read; each topic keeps its order."""
    read = list(messages)
    topics = list(map(methodcaller("topic"), read))
    names = dict.fromkeys(topics)
    if len(names) == 1:
        return [TopicBatch.of(topics[0], read)]
    return [TopicBatch.of(name, list(compress(read, map(name.__eq__, topics)))) for name in names]
