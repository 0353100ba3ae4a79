"""The Kafka side of erasures: requests come in, receipts go out. Thin edge."""

import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic, ResourceType

from connections.kafka import Kafka
from ingestion.erasures.receipt import Receipt, Request
from ingestion.erasures.settings import EraseSettings
from ingestion.stream.errors import KafkaUnreachableError
from ingestion.stream.log import say
from ingestion.stream.whole import whole

log = logging.getLogger(__name__)

_FOREVER = {"retention.ms": "-1"}
_COMPACTED = {"cleanup.policy": "compact", "segment.ms": "86400000", "max.compaction.lag.ms": "86400000"}


class Desk:
    """Reads requests and keeps receipts.

    Args:
        kafka: The brokers.
        requests: Topic of the requests, of one partition.
        receipts: Topic of the receipts, of one partition, compacted.
        timeout_seconds: How long Kafka may take to answer.
    """

    def __init__(self, kafka: Kafka, requests: str, receipts: str, timeout_seconds: float) -> None:
        self._kafka = kafka
        self._requests = requests
        self._receipts = receipts
        self._timeout = timeout_seconds
        own = kafka.client({"client.id": "erasures"})
        self._admin = AdminClient({**own, "log_level": 0})
        self._producer = Producer({**own, "enable.idempotence": True}, logger=log)

    def open(self) -> None:
        """Create the topics where they are absent.

        Raises:
            KafkaUnreachableError: no broker answers in time.
        """
        wanted = {self._requests: _FOREVER, self._receipts: _COMPACTED}
        try:
            there = self._admin.list_topics(timeout=self._timeout).topics
            absent = [
                NewTopic(name, 1, config=config) for name, config in wanted.items() if name not in there
            ]
            for future in (self._admin.create_topics(absent) if absent else {}).values():
                future.exception()  # made by somebody else meanwhile; if it is missing, reading it says so
        except KafkaException as error:
            raise self._no_answer(error) from error

    def pending(self) -> dict[int, tuple[Request, Receipt | None]]:
        """Requests whose receipt is not done, with what is known of it, by their offsets.

        Raises:
            KafkaUnreachableError: the broker does not answer in time.
        """
        asked = self.messages(self._requests)
        if not asked:
            return {}
        receipts = {
            m.key().decode(): msgspec.json.decode(m.value(), type=Receipt)
            for m in self.messages(self._receipts)
        }
        found: dict[int, tuple[Request, Receipt | None]] = {}
        for message in asked:
            try:
                request = msgspec.json.decode(message.value() or b"", type=Request)
            except msgspec.MsgspecError as error:
                fields = {"offset": message.offset(), "reason": str(error)}
                say(log, logging.ERROR, "a message is no request to erase somebody", **fields)
                continue
            known = receipts.get(request.receipt)
            if known is None or known.state != "done":
                found[message.offset()] = request, known
        return found

    def tell(self, receipts: Iterable[Receipt]) -> None:
        """Keep receipts as they are now; returns once the broker has them.

        Raises:
            KafkaUnreachableError: it has not taken them in time.
        """
        for receipt in receipts:
            self._producer.produce(self._receipts, msgspec.json.encode(receipt), receipt.receipt)
        if self._producer.flush(self._timeout):
            raise KafkaUnreachableError(
                f"Kafka at {self._kafka} has not taken receipts within {self._timeout:g} s"
            )

    def forget(self, through: int) -> None:
        """Delete the requests up to and with an offset: they hold ids of people.

        Raises:
            KafkaUnreachableError: the broker does not answer in time.
        """
        self.delete({TopicPartition(self._requests, 0): through + 1})

    def delete(self, before: Mapping[TopicPartition, int]) -> None:
        """Delete the messages before an offset of each partition.

        Raises:
            KafkaUnreachableError: the broker does not answer in time.
        """
        places = [TopicPartition(p.topic, p.partition, offset) for p, offset in before.items()]
        try:
            for future in self._admin.delete_records(places, request_timeout=self._timeout).values():
                future.result()
        except KafkaException as error:
            raise self._no_answer(error) from error

    def ends(self, topic: str) -> dict[TopicPartition, int]:
        """Offset of the next message of each partition that has some; nothing of a topic that does not exist."""
        consumer = self._consumer()
        try:
            metadata = consumer.list_topics(topic, timeout=self._timeout).topics[topic]
            places = [TopicPartition(topic, number) for number in metadata.partitions]
            bounds = {p: consumer.get_watermark_offsets(p, timeout=self._timeout) for p in places}
            return {place: high for place, (low, high) in bounds.items() if high > low}
        except KafkaException as error:
            raise self._no_answer(error) from error
        finally:
            consumer.close()

    def keeps_until(self, topics: Iterable[str], now: datetime) -> dict[str, datetime | None]:
        """When what is in the topics now will have expired; None: never, by time."""
        try:
            there = self._admin.list_topics(timeout=self._timeout).topics
            asked = {ConfigResource(ResourceType.TOPIC, name): name for name in topics if name in there}
            answers = self._admin.describe_configs(list(asked), request_timeout=self._timeout)
            kept = {asked[resource]: int(f.result()["retention.ms"].value) for resource, f in answers.items()}
        except KafkaException as error:
            raise self._no_answer(error) from error
        return {
            topic: None if ms < 0 else now.astimezone(UTC) + timedelta(milliseconds=ms)
            for topic, ms in kept.items()
        }

    def messages(self, topic: str) -> list[Any]:
        """All that a topic holds now; nothing of a topic that does not exist.

        Raises:
            KafkaUnreachableError: the broker does not answer in time.
        """
        consumer = self._consumer()
        try:
            return list(whole(consumer, topic, self._timeout))
        except KafkaException as error:
            raise self._no_answer(error) from error
        finally:
            consumer.close()

    def _consumer(self) -> Consumer:
        own = {"group.id": "erasures", "client.id": "erasures", "enable.auto.commit": False}
        return Consumer(self._kafka.client(own), logger=log)

    def _no_answer(self, error: KafkaException) -> KafkaUnreachableError:
        return KafkaUnreachableError(
            f"no answer from Kafka at {self._kafka} within {self._timeout:g} s: {error.args[0].str()}; "
            "start it with `make up`, or set SHOP_KAFKA_BOOTSTRAP"
        )


def open_desk(settings: EraseSettings) -> Desk:
    """A desk whose topics are there.

    Raises:
        KafkaUnreachableError: no broker is known, or none answers in time.
    """
    names = settings.erasures_topic, settings.erasure_receipts_topic
    desk = Desk(settings.kafka(), *names, settings.erase_timeout_seconds)
    desk.open()
    return desk
