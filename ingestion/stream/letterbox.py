"""The Kafka side of dead letters: delivered before the offsets behind them are committed."""

import logging
from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connections.kafka import Kafka
from ingestion.stream.errors import NotDurableError
from ingestion.stream.letters import DeadLetter

log = logging.getLogger(__name__)

_QUEUE_KBYTES = 64 * 1024


class LetterBox:
    """Sends dead letters to their topic.

    Args:
        kafka: The brokers.
        topic: Name of the dead-letter topic.
        timeout_seconds: How long `flush` waits for the broker.
    """

    def __init__(self, kafka: Kafka, topic: str, timeout_seconds: float) -> None:
        self._topic = topic
        self._timeout = timeout_seconds
        self._refused: list[str] = []
        own = {
            "client.id": "dead-letters",
            "enable.idempotence": True,
            # One request at a time: a broker that takes the second of two first refuses the first for good.
            "max.in.flight.requests.per.connection": 1,
            "linger.ms": 5,
            "delivery.timeout.ms": round(timeout_seconds * 1000),
            "queue.buffering.max.kbytes": _QUEUE_KBYTES,
        }
        self._producer = Producer(kafka.client(own), logger=log)

    def send(self, letters: Iterable[DeadLetter]) -> None:
        """Hand letters to the client; waits only when its queue is full."""
        for letter in letters:
            try:
                self._produce(letter)
            except BufferError:
                self.flush()
                self._produce(letter)

    def flush(self) -> None:
        """Wait until the broker has every letter.

        Raises:
            NotDurableError: it refused one, or did not answer in time.
        """
        waiting = self._producer.flush(self._timeout)
        if self._refused or waiting:
            reason = self._refused[0] if self._refused else f"{waiting} unanswered after {self._timeout:g} s"
            self._refused.clear()
            raise NotDurableError(
                f"dead letters could not be written to topic {self._topic!r}: {reason}; "
                "their offsets are not committed, a restart reads them again"
            )

    def _produce(self, letter: DeadLetter) -> None:
        self._producer.produce(
            self._topic, letter.value, letter.key, headers=letter.headers(), on_delivery=self._delivered
        )
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._refused.append(KafkaException(error).args[0].str())
