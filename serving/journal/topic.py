"""The topic of the prediction log, created where it is absent. Control path: blocks, runs in a thread of its own."""

import logging
from concurrent.futures import Future
from threading import Event, Thread
from typing import Final

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from connections.kafka import Kafka

logger = logging.getLogger(__name__)

_ANSWER_SECONDS: Final = 5.0
_AGAIN_SECONDS: Final = 2.0


class TopicMaker:
    """Tries until the broker has the topic; until then predictions wait in the producer's queue.

    Args:
        kafka: The brokers.
        topic: Name of the topic.
        partitions: How many it gets where it is absent; one that exists stays as it is.
    """

    def __init__(self, kafka: Kafka, topic: str, partitions: int) -> None:
        self._kafka = kafka
        self._topic = topic
        self._partitions = partitions
        self._stop = Event()
        self._thread = Thread(target=self._run, name="prediction-topic", daemon=True)

    def start(self) -> None:
        """Begin, beside the caller."""
        self._thread.start()

    def stop(self) -> None:
        """Try no more."""
        self._stop.set()

    def _run(self) -> None:
        admin = AdminClient(self._kafka.client({"log_level": 0}))
        while not self._stop.is_set():
            try:
                self._make(admin)
            except KafkaException as error:
                logger.warning(
                    "topic %r is not there yet: %s; tried again in %g s",
                    self._topic,
                    error.args[0].str(),
                    _AGAIN_SECONDS,
                )
                self._stop.wait(_AGAIN_SECONDS)
            else:
                return

    def _make(self, admin: AdminClient) -> None:
        if self._topic in admin.list_topics(timeout=_ANSWER_SECONDS).topics:
            return
        asked = admin.create_topics([NewTopic(self._topic, self._partitions)])
        _unless_it_exists(asked[self._topic])
        logger.info("created topic %r with %d partitions", self._topic, self._partitions)


def _unless_it_exists(created: Future[None]) -> None:
    try:
        created.result()
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise
