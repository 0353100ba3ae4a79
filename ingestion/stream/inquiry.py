"""Asks Kafka about topics and offsets, from the threads beside the stream: with a client of its own, in no group.

A client that is a member of a group is busy with that; another thread that asks it something waits for long.
"""

from collections.abc import Iterable

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from connections.kafka import Kafka
from ingestion.stream.errors import KafkaUnreachableError
from ingestion.stream.messages import Partition


class Inquiry:
    """What Kafka knows.

    Args:
        kafka: The brokers.
        group: The consumer group whose commits are asked for.
        timeout_seconds: How long a request may take.
    """

    def __init__(self, kafka: Kafka, group: str, timeout_seconds: float) -> None:
        self._kafka = kafka
        self._timeout = timeout_seconds
        own = kafka.client({"client.id": "stream-worker-inquiry", "log_level": 0})
        self._client = Consumer({**own, "group.id": group, "enable.auto.commit": False})
        self._admin = AdminClient(own)

    def committed(self, topics: Iterable[str]) -> dict[Partition, int | None]:
        """Committed offset of every partition of the topics; None where there is none.

        Raises:
            KafkaUnreachableError: the broker does not answer in time.
        """
        names = sorted(topics)
        try:
            parts = [TopicPartition(topic, number) for topic in names for number in self._partitions(topic)]
            answered = self._client.committed(parts, timeout=self._timeout) if parts else []
        except KafkaException as error:
            raise self._no_answer(names, error) from error
        return {(p.topic, p.partition): None if p.offset == OFFSET_INVALID else p.offset for p in answered}

    def bounds(self, places: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """First offset that Kafka still has and offset of the next message, of partitions.

        Raises:
            KafkaUnreachableError: the broker does not answer in time.
        """
        try:
            return {place: self._bounds(place) for place in places}
        except KafkaException as error:
            raise self._no_answer(sorted({topic for topic, _ in places}), error) from error

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """What the broker calls the topics; one that is made anew gets another id.

        Raises:
            KafkaUnreachableError: the broker does not answer in time.
        """
        names = sorted(topics)
        try:
            asked = self._admin.describe_topics(TopicCollection(names), request_timeout=self._timeout)
            return {name: str(future.result().topic_id) for name, future in asked.items()}
        except KafkaException as error:
            raise self._no_answer(names, error) from error

    def close(self) -> None:
        """Ask no more."""
        self._client.close()

    def _partitions(self, topic: str) -> list[int]:
        return sorted(self._client.list_topics(topic, timeout=self._timeout).topics[topic].partitions)

    def _bounds(self, place: Partition) -> tuple[int, int]:
        low, high = self._client.get_watermark_offsets(TopicPartition(*place), timeout=self._timeout)
        return int(low), int(high)

    def _no_answer(self, topics: list[str], error: KafkaException) -> KafkaUnreachableError:
        return KafkaUnreachableError(f"no answer about {topics} from Kafka at {self._kafka}: {error}")
