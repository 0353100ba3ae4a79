"""The Kafka side: membership in the group, reading, committing. Thin edge; decisions are in `offsets`.

Members of the group share the partitions of a topic that holds no messages: its parts. Which units a member keeps follows
from the parts that it holds (`units`); who holds part 0 leads. The partitions of the event topics are not shared: each
member adds all of those that it needs to its assignment. The cooperative protocol moves as few parts as it can when
members come and go.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connections.kafka import Kafka
from ingestion.stream.errors import ReplacedError
from ingestion.stream.log import say
from ingestion.stream.messages import Message, Partition
from ingestion.stream.side import SideReader
from ingestion.stream.units import LEAD_PART

log = logging.getLogger(__name__)

_PUT_OUT = (KafkaError.FENCED_INSTANCE_ID, KafkaError._FENCED, KafkaError._FATAL)  # noqa: SLF001  # named so by librdkafka
_UNKNOWN = (KafkaError.UNKNOWN_MEMBER_ID, KafkaError.ILLEGAL_GENERATION, KafkaError.FENCED_INSTANCE_ID)
_LARGE_BATCH: Final = 500
"""From here on there is no waiting for more: while a batch is worked on, the next one comes in."""

Parts = frozenset[int]


class EventConsumer:
    """One member of the consumer group.

    Attributes:
        parts: What this member holds.
        changes: How often that has changed.
        term: Number of the term for which this member leads, another one each time it takes the lead; 0: it does not.
        positions: Offset behind the last message read, of each partition that is being read.

    Args:
        kafka: The brokers.
        group: Name of the consumer group.
        parts_topic: The topic whose partitions are shared.
        instance: Name under which this member is known again at once after a crash; None: it is a new member each time,
            and one that crashed keeps its place for the session timeout.
        session_seconds: How long a member may be silent before others take its place.
        fetch_milliseconds: How long the broker waits for more before it answers with little: each answer costs it work.
    """

    def __init__(
        self,
        kafka: Kafka,
        group: str,
        parts_topic: str,
        *,
        instance: str | None,
        session_seconds: float,
        fetch_milliseconds: int,
    ) -> None:
        self._kafka = kafka
        own = _config(group, instance, session_seconds, fetch_milliseconds)
        self._consumer = Consumer(kafka.client(own), logger=log)
        self._parts_topic = parts_topic
        self._on_release: Callable[[Parts], None] = _nothing
        self._on_loss: Callable[[Parts], None] = _nothing
        self._owed: dict[Partition, int] = {}
        self._terms = 0
        self._last_batch = 0
        self.positions: dict[Partition, int] = {}
        self.parts: Parts = frozenset()
        self.changes = 0
        self.term = 0

    def join(self, on_release: Callable[[Parts], None], on_loss: Callable[[Parts], None]) -> None:
        """Enter the group.

        Args:
            on_release: Called when parts are given up in order, while commits are still accepted and nobody else has them.
            on_loss: Called when parts have been given to others while this member was silent.
        """
        self._on_release, self._on_loss = on_release, on_loss
        self._consumer.subscribe(
            [self._parts_topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost
        )

    def wait(self, seconds: float) -> None:
        """Serve the group without reading events: as a standby, or while something else takes its time."""
        held = self._events_assigned()
        if held:
            self._consumer.pause(held)
        message = self._consumer.poll(seconds)
        if message is not None:
            _is_event(message)
        if still := self._events_assigned():
            self._consumer.resume(still)

    def side(self, starts: Mapping[Partition, int]) -> SideReader:
        """Reads beside the group, from these offsets on."""
        return SideReader(self._kafka, starts)

    def begin(self, starts: Mapping[Partition, int]) -> None:
        """Read these partitions from these offsets on; those that are being read already go there."""
        self._stop([place for place in starts if place in self.positions])
        self.positions |= starts
        self._consumer.incremental_assign(
            [TopicPartition(*place, offset) for place, offset in starts.items()]
        )

    def leave(self, topics: Iterable[str]) -> None:
        """Read these topics no more."""
        names = set(topics)
        self._stop([place for place in self.positions if place[0] in names])

    def read(self, most: int, wait_seconds: float, linger_seconds: float) -> list[Message]:
        """What there is, at most ``most`` messages.

        The one rule of batching: the first message is waited for. While batches are small, it is also waited a little for
        more, as each batch costs the sender, the broker and us a wake-up; a small batch is at most so much older. Once a
        batch was large, the next one is what came in while it was worked on, without waiting: the higher the rate, the
        larger the batches, up to ``most``.

        Args:
            most: Upper bound of the result.
            wait_seconds: How long to wait for the first message.
            linger_seconds: How long to wait for more once there is one.
        """
        is_busy = self._last_batch >= min(_LARGE_BATCH, most)
        read = self._consumer.consume(most, 0.0) if is_busy else []
        if not read:
            read = self._consumer.consume(1, wait_seconds)
            if read and most > 1:
                read += self._consumer.consume(most - 1, linger_seconds)
        messages = [message for message in read if _is_event(message)]
        self._last_batch = len(messages)
        return messages

    def passed(self, next_offsets: Mapping[Partition, int]) -> None:
        """Tell what of the messages read has been taken in."""
        self.positions |= {place: offset for place, offset in next_offsets.items() if place in self.positions}

    def commit(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Commit what is durable; a refused or unanswered commit is tried again with the next one.

        Returns:
            Whether the group took it; it does not from a member whose place was given to others.
        """
        self._owed |= next_offsets
        parts = [TopicPartition(*place, offset) for place, offset in self._owed.items()]
        try:
            self._consumer.commit(offsets=parts, asynchronous=False)
        except KafkaException as error:
            say(log, logging.WARNING, "commit refused", reason=error.args[0].str())
            return False
        self._owed = {}
        return True

    def is_member(self) -> bool:
        """Ask the broker, after a silence: it refuses commits of a member whose parts went to others. They are gone then."""
        if not self.parts:
            return True
        own = TopicPartition(self._parts_topic, min(self.parts), 0)
        try:
            self._consumer.commit(offsets=[own], asynchronous=False)
        except KafkaException as error:
            if error.args[0].code() in _UNKNOWN:
                say(log, logging.WARNING, "the group went on without this worker", reason=error.args[0].str())
                self._on_loss(self.parts)
                self._let_go(self.parts)
                return False
        return True

    def lag(self) -> dict[Partition, int]:
        """Messages behind each partition's position, as far as the last fetch told."""
        return {place: lag for place in self.positions if (lag := self._lag(place)) is not None}

    def close(self) -> None:
        """Leave the group; gives up the parts in order."""
        self._consumer.close()

    def _stop(self, places: list[Partition]) -> None:
        if places:
            self._consumer.incremental_unassign([TopicPartition(*place) for place in places])
        for place in places:
            del self.positions[place]

    def _lag(self, place: Partition) -> int | None:
        offsets = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        if offsets is None or offsets[1] < 0:
            return None
        return max(0, offsets[1] - self.positions[place])

    def _events_assigned(self) -> list[TopicPartition]:
        return [part for part in self._consumer.assignment() if part.topic != self._parts_topic]

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        consumer.incremental_assign(partitions)
        # They hold no messages, and each answer to a fetch costs the broker work for every partition that is asked for.
        consumer.pause(partitions)
        self._hold(self.parts | {part.partition for part in partitions})
        if LEAD_PART in self.parts and not self.term:
            self._terms += 1
            self.term = self._terms
            say(log, logging.INFO, "took the lead", term=self.term)
        say(log, logging.INFO, "holds parts", parts=len(self.parts))

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        given = frozenset(part.partition for part in partitions)
        if given:
            self._on_release(given)
            self._lose(consumer, partitions, given)
            say(log, logging.INFO, "gave up parts", parts=len(given), left=len(self.parts))

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        gone = self.parts
        self._on_loss(gone)
        self._lose(consumer, partitions, gone)
        say(log, logging.WARNING, "lost all parts: the group went on without this worker", parts=len(gone))

    def _lose(self, consumer: Consumer, partitions: list[TopicPartition], gone: Parts) -> None:
        consumer.incremental_unassign(partitions)
        self._let_go(gone)

    def _let_go(self, gone: Parts) -> None:
        if LEAD_PART in gone:
            self.term = 0
            self._owed = {}
        self._hold(self.parts - gone)

    def _hold(self, parts: Parts) -> None:
        self.changes += parts != self.parts
        self.parts = parts


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


def _config(
    group: str, instance: str | None, session_seconds: float, fetch_milliseconds: int
) -> dict[str, Any]:
    config: dict[str, Any] = {
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
        "fetch.wait.max.ms": fetch_milliseconds,
        # What the client reads ahead bounds its memory.
        "queued.max.messages.kbytes": 32 * 1024,
        "reconnect.backoff.max.ms": 2000,
    }
    return config if instance is None else {**config, "group.instance.id": instance}


def _nothing(_parts: Parts) -> None:
    pass
