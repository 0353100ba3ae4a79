"""Reads beside the group: what units that catch up have to take in before they can go with the others."""

from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from connections.kafka import Kafka
from ingestion.stream.messages import Message, Partition


class SideReader:
    """Partitions from some offsets on, in no group, without commits.

    Attributes:
        ends: Offset behind the last message, of each partition that has been read to its end at some moment.

    Args:
        kafka: The brokers.
        starts: First offset to read of each partition.
    """

    def __init__(self, kafka: Kafka, starts: Mapping[Partition, int]) -> None:
        self.ends: dict[Partition, int] = {}
        own = {
            "group.id": "stream-worker-side",
            "client.id": "stream-worker-side",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": 8 * 1024,
        }
        self._consumer = Consumer(kafka.client(own))
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])

    def read(self, most: int, wait_seconds: float) -> list[Message]:
        """What there is, at most ``most`` messages."""
        return [message for message in self._consumer.consume(most, wait_seconds) if self._is_event(message)]

    def close(self) -> None:
        """Read no more."""
        self._consumer.close()

    def _is_event(self, message: Any) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # named so by librdkafka
            self.ends[message.topic(), message.partition()] = message.offset()
        return False
