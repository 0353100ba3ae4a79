"""All that a topic holds at one moment."""

from collections.abc import Iterator

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition


def whole(consumer: Consumer, topic: str, timeout_seconds: float) -> Iterator[Message]:
    """Its messages, those of each partition in their order; none of a topic that does not exist.

    Raises:
        KafkaException: the broker does not answer in time.
    """
    metadata = consumer.list_topics(topic, timeout=timeout_seconds).topics[topic]
    if metadata.error is not None:
        return
    ends = {}
    for number in metadata.partitions:
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=timeout_seconds)
        if high > low:
            ends[number] = (low, high)
    consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in ends.items()])
    while ends:
        for message in _consumed(consumer, timeout_seconds):
            yield message
            if message.offset() + 1 >= ends.get(message.partition(), (0, 0))[1]:
                ends.pop(message.partition(), None)


def _consumed(consumer: Consumer, timeout_seconds: float) -> list[Message]:
    """Some messages; raises when none come in time, as there are some."""
    messages = consumer.consume(1, timeout_seconds)
    if not messages:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001  # librdkafka's local errors are named so
    return [message for message in messages if message.error() is None]
