"""A member of the group at a real broker."""

import time

from connections.kafka import Kafka
from ingestion.stream.consumer import EventConsumer
from tests.api_process import wait_until
from tests.services import RunningKafka

WAIT_SECONDS = 30.0


def test_the_topic_of_parts_is_not_fetched(kafka_broker: RunningKafka) -> None:
    """Whatever is in it: it only says who holds what. Events are read beside it, also after a wait."""
    parts, orders = kafka_broker.topic("parts", 2), kafka_broker.topic("orders", 1)
    for topic in (parts, orders):
        kafka_broker.produce(topic, [b"content"] * 5)
    consumer = EventConsumer(
        Kafka(kafka_broker.bootstrap), parts, parts, instance=None, session_seconds=6, fetch_milliseconds=15
    )
    read = []

    def holds_all() -> bool:
        consumer.wait(0.1)
        return len(consumer.parts) == 2

    try:
        consumer.join(lambda _: None, lambda _: None)
        wait_until(holds_all, "the parts", WAIT_SECONDS)
        consumer.begin({(orders, 0): 0})
        consumer.wait(0.5)
        end = time.monotonic() + WAIT_SECONDS
        while len(read) < 5 and time.monotonic() < end:
            read += consumer.read(10, 0.1, 0.0)
        read += consumer.read(10, 1.0, 0.5)
        assert [message.topic() for message in read] == [orders] * 5
    finally:
        consumer.close()
