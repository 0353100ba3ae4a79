"""Sends messages to Kafka: waits where the queue is full, counts what was accepted, and says what was not."""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from connections.kafka import Complaints, Kafka
from ingestion.events.settings import NoBrokerError

_ANSWER_SECONDS: Final = 10.0
_NOW: Final = 0


class UndeliveredError(Exception):
    """Some messages were not accepted."""


class Outbox:
    """A Kafka producer of its own. One thread.

    Args:
        kafka: The brokers.
        delivery_timeout: How long a message may take to be accepted.
    """

    def __init__(self, kafka: Kafka, *, delivery_timeout: timedelta = timedelta(seconds=60)) -> None:
        self._kafka, self._complaints = kafka, Complaints()
        self._timeout_seconds = delivery_timeout.total_seconds()
        own = {
            "enable.idempotence": True,
            # One request at a time: a broker that takes the second of two first refuses the first for good.
            "max.in.flight.requests.per.connection": 1,
            # Each request costs the broker more than a message: several that come at once go together.
            "linger.ms": 10,
            "delivery.timeout.ms": round(self._timeout_seconds * 1000),
            "log_level": 0,
            "error_cb": self._complaints,
        }
        self._producer = Producer(kafka.client(own))
        self.accepted = 0
        self._refused: Counter[str] = Counter()

    def require_topics(self, topics: Iterable[str]) -> None:
        """Raises `NoBrokerError` where no broker answers, `UndeliveredError` where a topic does not exist."""
        try:
            known = set(self._producer.list_topics(timeout=_ANSWER_SECONDS).topics)
        except KafkaException as error:
            self._producer.poll(0)
            raise NoBrokerError(
                f"no Kafka broker answers at {self._kafka} ({error.args[0].str()}){self._complaints}; start one with `make up`, "
                "or set SHOP_KAFKA_BOOTSTRAP to the address of yours"
            ) from error
        if missing := sorted(set(topics) - known):
            there = sorted(name for name in known if not name.startswith("__"))
            raise UndeliveredError(f"there is no topic {missing} at {self._kafka}; it has {there}")

    def retention(self, topic: str) -> timedelta | None:
        """How long the broker keeps the messages of a topic; None without limit."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        # The client has to outlive its answer.
        admin = AdminClient(self._kafka.client())
        answer = admin.describe_configs([resource])[resource]
        milliseconds = int(answer.result(_ANSWER_SECONDS)["retention.ms"].value)
        return None if milliseconds < 0 else timedelta(milliseconds=milliseconds)

    def send(self, topic: str, key: str | None, payload: bytes, time_ms: int = _NOW) -> None:
        """Queue a message, waiting while the queue is full.

        Args:
            topic: Where to.
            key: Message key, as UTF-8.
            payload: The bytes; may be empty.
            time_ms: Message timestamp, milliseconds since the Unix epoch; by default the time of sending.
        """
        while True:
            try:
                self._producer.produce(topic, payload, key, timestamp=time_ms, on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.05)
            except KafkaException as error:
                self._refused[error.args[0].str()] += 1
                return
            else:
                return

    def wait(self, seconds: float) -> None:
        """Let that much time pass, taking notice of deliveries."""
        self._producer.poll(seconds)

    def finish(self) -> int:
        """Wait until everything queued is accepted or refused; returns how many messages were accepted.

        Raises:
            UndeliveredError: some were refused, or not accepted in time; it says how many and why.
        """
        if unanswered := self._producer.flush(self._timeout_seconds + _ANSWER_SECONDS):
            self._refused["no answer"] += unanswered
        if self._refused:
            reasons = ", ".join(f"{count} x {reason}" for reason, count in self._refused.most_common())
            raise UndeliveredError(
                f"{self._refused.total()} messages were not delivered to {self._kafka}: {reasons}"
            )
        return self.accepted

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is None:
            self.accepted += 1
        else:
            self._refused[error.str()] += 1
