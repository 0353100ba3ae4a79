"""The Kafka side: membership in the group, reading, committing. Thin edge; decisions are in `offsets`.

Members of the group subscribe to a topic of one partition that holds no messages. Who is assigned it leads and adds the
partitions of all event topics to its assignment; the others stand by. The cooperative protocol leaves the lead where it
is when members join.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from ingestion.stream.errors import KafkaUnreachableError, ReplacedError
from ingestion.stream.log import say
from ingestion.stream.messages import Message, Partition
from ingestion.stream.offsets import Known

log = logging.getLogger(__name__)

_PUT_OUT = (KafkaError.FENCED_INSTANCE_ID, KafkaError._FENCED, KafkaError._FATAL)  # noqa: SLF001  # named so by librdkafka


class EventConsumer:
    """One member of the consumer group.

    Attributes:
        term: Number of the term for which this member leads, another one each time it takes the lead; 0: it does not.

    Args:
        bootstrap: Addresses of the brokers, ``host:port`` separated by commas.
        group: Name of the consumer group.
        lead_topic: Topic of one partition; its holder leads.
        instance: Name under which this member is known again at once after a crash; None: it is a new member each time,
            and one that crashed keeps its place for the session timeout.
        session_seconds: How long a member may be silent before another takes its place.
        timeout_seconds: How long a request to the broker may take.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        lead_topic: str,
        *,
        instance: str | None,
        session_seconds: float,
        timeout_seconds: float,
    ) -> None:
        self._bootstrap = bootstrap
        self._timeout = timeout_seconds
        self._consumer = Consumer(_config(bootstrap, group, instance, session_seconds), logger=log)
        self._lead_topic = lead_topic
        self._on_release: Callable[[], None] = _nothing
        self._positions: dict[Partition, int] = {}
        self._owed: dict[Partition, int] = {}
        self._terms = 0
        self.term = 0

    @property
    def leads(self) -> bool:
        """Whether this member is the one that works."""
        return self.term > 0

    def join(self, on_release: Callable[[], None]) -> None:
        """Enter the group.

        Args:
            on_release: Called when the lead is given up in order, while commits are still accepted.
        """
        self._on_release = on_release
        self._consumer.subscribe(
            [self._lead_topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def wait(self, seconds: float) -> None:
        """Serve the group without reading events: as a standby, or while something else takes its time."""
        term, held = self.term, self._events_assigned()
        if held:
            self._consumer.pause(held)
        message = self._consumer.poll(seconds)
        if message is not None:
            _is_event(message)
        if held and self.term == term:
            self._consumer.resume(held)

    def known(self, topics: Iterable[str], archived: Mapping[Partition, int]) -> dict[Partition, Known]:
        """What Kafka and the archive know about every partition of the topics.

        Raises:
            KafkaUnreachableError: the broker does not answer in time.
        """
        try:
            parts = [TopicPartition(topic, number) for topic in topics for number in self._partitions(topic)]
            committed = self._consumer.committed(parts, timeout=self._timeout)
            return {(p.topic, p.partition): self._known(p, archived) for p in committed}
        except KafkaException as error:
            raise KafkaUnreachableError(
                f"no answer about {sorted(topics)} from Kafka at {self._bootstrap}: {error}"
            ) from error

    def begin(self, starts: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets on."""
        self._positions = dict(starts)
        self._consumer.incremental_assign(
            [TopicPartition(*place, offset) for place, offset in starts.items()]
        )

    def read(self, most: int, wait_seconds: float, linger_seconds: float) -> list[Message]:
        """What there is, at most ``most`` messages.

        Args:
            most: Upper bound of the result.
            wait_seconds: How long to wait for the first message.
            linger_seconds: How long to wait for more once there is one.
        """
        read = self._consumer.consume(1, wait_seconds)
        if read and most > 1:
            read += self._consumer.consume(most - 1, linger_seconds)
        messages = [message for message in read if _is_event(message)]
        for message in messages:
            self._positions[message.topic(), message.partition()] = message.offset() + 1
        return messages

    def commit(self, next_offsets: Mapping[Partition, int]) -> None:
        """Commit what is durable; a refused or unanswered commit is tried again with the next one."""
        self._owed |= next_offsets
        parts = [TopicPartition(*place, offset) for place, offset in self._owed.items()]
        try:
            self._consumer.commit(offsets=parts, asynchronous=False)
            self._owed = {}
        except KafkaException as error:
            say(log, logging.WARNING, "commit refused", reason=error.args[0].str())

    def lag(self) -> dict[Partition, int]:
        """Messages behind each partition's position, as far as the last fetch told."""
        return {place: lag for place in self._positions if (lag := self._lag(place)) is not None}

    def close(self) -> None:
        """Leave the group; gives up the lead in order."""
        self._consumer.close()

    def _lag(self, place: Partition) -> int | None:
        offsets = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        if offsets is None or offsets[1] < 0:
            return None
        return max(0, offsets[1] - self._positions[place])

    def _partitions(self, topic: str) -> list[int]:
        return sorted(self._consumer.list_topics(topic, timeout=self._timeout).topics[topic].partitions)

    def _known(self, part: TopicPartition, archived: Mapping[Partition, int]) -> Known:
        low, high = self._consumer.get_watermark_offsets(part, timeout=self._timeout)
        committed = None if part.offset == OFFSET_INVALID else part.offset
        return Known(low, high, committed, archived.get((part.topic, part.partition)))

    def _events_assigned(self) -> list[TopicPartition]:
        return [part for part in self._consumer.assignment() if part.topic != self._lead_topic]

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        if partitions:
            self._terms += 1
            self.term = self._terms
            say(log, logging.INFO, "took the lead", term=self.term)
        elif not self.leads:
            say(log, logging.INFO, "standing by: another worker of the group leads")

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if not partitions:
            return
        if self.leads:
            self._on_release()
        self._lose(consumer, "gave up the lead")

    def _lost(self, consumer: Consumer, _partitions: list[TopicPartition]) -> None:
        self._lose(consumer, "lost the lead: the group went on without this worker")

    def _lose(self, consumer: Consumer, how: str) -> None:
        consumer.incremental_unassign(consumer.assignment())
        self.term = 0
        self._positions, self._owed = {}, {}
        say(log, logging.INFO, how)


def _is_event(message: Any) -> bool:
    """Whether it is no error; raises for one after which the client would go on reading beside its group."""
    error = message.error()
    if error is None:
        return True
    say(log, logging.WARNING, "kafka", reason=error.str())
    if error.code() in _PUT_OUT:
        raise ReplacedError(
            f"this worker was put out of its group: {error.str()}; give each worker a SHOP_STREAM_INSTANCE of its own, "
            "or none"
        )
    return False


def _config(bootstrap: str, group: str, instance: str | None, session_seconds: float) -> dict[str, Any]:
    config: dict[str, Any] = {
        "bootstrap.servers": bootstrap,
        "group.id": group,
        "client.id": "stream-worker",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "earliest",
        "partition.assignment.strategy": "cooperative-sticky",
        "session.timeout.ms": round(session_seconds * 1000),
        "heartbeat.interval.ms": max(1, round(session_seconds * 1000 / 6)),
        # The broker answers when this much has come in, or after the wait: not once per message.
        "fetch.min.bytes": 64 * 1024,
        "fetch.wait.max.ms": 15,
        # What the client reads ahead bounds its memory.
        "queued.max.messages.kbytes": 32 * 1024,
        "reconnect.backoff.max.ms": 2000,
    }
    return config if instance is None else {**config, "group.instance.id": instance}


def _nothing() -> None:
    pass
