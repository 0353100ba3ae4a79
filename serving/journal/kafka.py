"""The Kafka side of the prediction log. Hot path: `record` only puts aside, the rest runs between the requests."""

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connections.kafka import Kafka
from serving.answers import Served
from serving.journal.counts import Counts
from serving.journal.wire import encode

logger = logging.getLogger(__name__)

_AT_ONCE: Final = 16
"""Predictions encoded in one turn of the event loop: those of a large batch do not hold up other requests."""
_SLACK_KBYTES: Final = 1024 * 1024


class KafkaJournal:
    """Logs predictions. One thread, that of the event loop.

    Args:
        kafka: The brokers; none of them needs to answer.
        topic: Where to.
        most: How many predictions may wait for their acknowledgement; more are shed.
        counts: What is counted.
        call_soon: Runs a function in the next turn of the event loop.
    """

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        *,
        most: int,
        counts: Counts,
        call_soon: Callable[[Callable[[], None]], Any],
    ) -> None:
        self._topic = topic
        self._most = most
        self._counts = counts
        self._call_soon = call_soon
        self._waiting: deque[Served] = deque()
        self._is_sending = False
        self._produced = self._failed = self._acknowledged = 0
        self._told: set[str] = set()
        counts.waiting.set_function(self.__len__)
        self._producer = Producer(kafka.client(_configuration(most, self._undelivered)), logger=logger)

    def __len__(self) -> int:
        """Predictions that wait or are under way."""
        return len(self._waiting) + self._produced - self._failed - self._acknowledged

    def record(self, served: Served) -> None:
        """See Journal."""
        if len(self) >= self._most:
            self._counts.shed.inc()
            return
        self._waiting.append(served)
        if not self._is_sending:
            self._is_sending = True
            self._call_soon(self._send)

    def attend(self) -> None:
        """Take notice of what was acknowledged or refused; call it some times a second."""
        self._producer.poll(0)
        under_way = len(self._producer)
        acknowledged = self._produced - self._failed - under_way
        if acknowledged > self._acknowledged:
            self._counts.acknowledged.inc(acknowledged - self._acknowledged)
            self._acknowledged = acknowledged

    def flush(self, timeout_seconds: float) -> int:
        """Wait for the broker; returns how many predictions it has not acknowledged in time, which are given up.

        Blocks, and may be called from another thread when nothing is recorded any more.
        """
        while self._waiting:
            self._produce(self._waiting.popleft())
        self._producer.flush(timeout_seconds)
        self.attend()
        if given_up := len(self):
            self._producer.purge()
            self._producer.flush(1)
            self.attend()
        return given_up

    def _send(self) -> None:
        for _ in range(min(_AT_ONCE, len(self._waiting))):
            self._produce(self._waiting.popleft())
        self._is_sending = bool(self._waiting)
        if self._is_sending:
            self._call_soon(self._send)

    def _produce(self, served: Served) -> None:
        try:
            self._producer.produce(self._topic, encode(served), served.row["user_id"])
        except BufferError:
            self._counts.shed.inc()
        except Exception as error:  # noqa: BLE001  # whatever it is, the API goes on
            self._counts.failed.inc()
            self._tell(error, served.request_id)
        else:
            self._produced += 1

    def _undelivered(self, error: KafkaError, _message: Message) -> None:
        self._failed += 1
        self._counts.failed.inc()
        self._tell(KafkaException(error), "")

    def _tell(self, error: Exception, request_id: str) -> None:
        """Once for each kind: a log line for each prediction would be worse than the loss."""
        kind = str(error.args[0].name()) if isinstance(error, KafkaException) else type(error).__name__
        if kind not in self._told:
            self._told.add(kind)
            logger.warning(
                "a prediction could not be logged (%s, request %r): %s; others like it are only counted",
                kind,
                request_id,
                error,
            )


def _configuration(most: int, undelivered: Callable[[KafkaError, Message], None]) -> dict[str, Any]:
    return {
        "client.id": "prediction-log",
        "acks": "all",
        "enable.idempotence": True,
        # One request at a time: a broker that takes the second of two first refuses the first for good.
        "max.in.flight.requests.per.connection": 1,
        # Nobody waits for the log: few wake-ups leave the cores to the answers.
        "linger.ms": 100,
        "compression.type": "lz4",
        # While the broker is away predictions wait, as many as the buffer takes, and are sent when it is back.
        "delivery.timeout.ms": 0,
        "queue.buffering.max.messages": most,
        "queue.buffering.max.kbytes": _SLACK_KBYTES,
        "reconnect.backoff.max.ms": 2000,
        "on_delivery": undelivered,
        # What was acknowledged is told by the length of the queue, without a call into Python for each.
        "delivery.report.only.error": True,
    }
