"""The Kafka side of erasures: a request is sent and acknowledged; both topics are read all the time. Blocks: runs in threads."""

import logging
from collections.abc import Mapping
from threading import Event, Thread
from typing import Any, Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from connections.kafka import Kafka
from serving.erasures.known import KnownErasures
from serving.errors import ErasuresUnavailableError

logger = logging.getLogger(__name__)

_AGAIN_SECONDS: Final = 2.0
_WAIT_SECONDS: Final = 0.2
_COMPACTED: Final = {
    "cleanup.policy": "compact",
    "segment.ms": "86400000",
    "max.compaction.lag.ms": "86400000",
}


class ErasureTopics:
    """Requests, of one partition and kept until they are carried out, and receipts, compacted.

    Args:
        kafka: The brokers.
        requests: Name of the topic of requests.
        receipts: Name of the topic of receipts.
        timeout_seconds: How long the broker may take to acknowledge a request.
        known: Told of every message.
    """

    def __init__(
        self, kafka: Kafka, requests: str, receipts: str, timeout_seconds: float, known: KnownErasures
    ) -> None:
        self._requests = requests
        self._receipts = receipts
        self._timeout = timeout_seconds
        self._known = known
        self._own = kafka.client({"client.id": "api-erasures"})
        self._stop, self._up_to_date, self._asked = Event(), Event(), Event()
        self._thread = Thread(target=self._follow, name="erasures", daemon=True)

    @property
    def are_read(self) -> bool:
        """Whether both were read to their ends at some moment."""
        return self._up_to_date.is_set()

    def start(self) -> None:
        """Begin to read, beside the caller."""
        self._thread.start()

    def close(self) -> None:
        """Read no more; returns when that has ended."""
        self._stop.set()
        self._asked.set()
        self._thread.join()

    def ask(self, key: str, request: bytes) -> None:
        """Return once every replica has the request.

        Raises:
            ErasuresUnavailableError: the broker has not acknowledged it in time.
        """
        milliseconds = round(self._timeout * 1000)
        limits = {"acks": "all", "enable.idempotence": True, "delivery.timeout.ms": milliseconds}
        failures: list[KafkaError] = []
        try:
            self._make(AdminClient({**self._own, "log_level": 0}))
            self._asked.set()
            producer = Producer({**self._own, **limits}, logger=logger)
            producer.produce(
                self._requests, request, key, on_delivery=lambda e, _: failures.append(e) if e else None
            )
            unanswered = producer.flush(self._timeout + 1)
        except KafkaException as error:
            raise _unavailable(error.args[0].str()) from error
        if failures or unanswered:
            raise _unavailable(failures[0].str() if failures else f"no answer after {self._timeout:g} s")

    def _make(self, admin: AdminClient) -> None:
        """Create the topics where they are absent."""
        wanted: Mapping[str, Mapping[str, str]] = {
            self._requests: {"retention.ms": "-1"},
            self._receipts: _COMPACTED,
        }
        there = admin.list_topics(timeout=self._timeout).topics
        absent = [
            NewTopic(name, 1, config=dict(config)) for name, config in wanted.items() if name not in there
        ]
        for created in (admin.create_topics(absent) if absent else {}).values():
            error = created.exception()
            if isinstance(error, KafkaException) and error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise error

    def _follow(self) -> None:
        group = {"group.id": "api-erasures", "enable.auto.commit": False, "enable.partition.eof": True}
        consumer = Consumer({**self._own, **group}, logger=logger)
        try:
            if self._wait_for_topics(consumer):
                places = [
                    TopicPartition(name, 0, OFFSET_BEGINNING) for name in (self._requests, self._receipts)
                ]
                consumer.assign(places)
                self._read(consumer, {place.topic for place in places})
        finally:
            consumer.close()

    def _wait_for_topics(self, consumer: Consumer) -> bool:
        """Until both are there; False when it is to end before."""
        while not self._stop.is_set():
            try:
                there = consumer.list_topics(timeout=_AGAIN_SECONDS).topics
            except KafkaException:
                there = {}
            if {self._requests, self._receipts} <= there.keys():
                return True
            if there:
                self._up_to_date.set()  # nobody has asked for anything yet
            # Each look reads what the broker knows of all topics, which holds answers up: seldom, until somebody asks here.
            if self._asked.is_set():
                self._stop.wait(_WAIT_SECONDS)
            else:
                self._asked.wait(_AGAIN_SECONDS)
        return False

    def _read(self, consumer: Consumer, unread: set[str]) -> None:
        while not self._stop.is_set():
            message = consumer.poll(_WAIT_SECONDS)
            if message is None:
                continue
            if message.error() is None:
                self._take(message)
            elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  # named so by librdkafka
                unread.discard(message.topic())
                if not unread:
                    self._up_to_date.set()

    def _take(self, message: Any) -> None:
        if message.topic() == self._requests:
            self._known.asked(message.value())
        elif message.key() is not None and message.value() is not None:
            self._known.told(message.key().decode(), message.value())


def _unavailable(reason: str) -> ErasuresUnavailableError:
    return ErasuresUnavailableError(
        f"Kafka has not taken the request: {reason}; nothing is erased, ask again"
    )
