"""Topics on the broker: created where they are absent, and a clear error where no broker answers."""

from collections.abc import Mapping
from concurrent.futures import Future

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from connections.kafka import Complaints, Kafka
from ingestion.stream.errors import KafkaUnreachableError, TopicError


def ensure(kafka: Kafka, partitions: Mapping[str, int], timeout_seconds: float) -> list[str]:
    """Create those topics that do not exist; those that exist stay as they are.

    Args:
        kafka: The brokers.
        partitions: Number of partitions for each topic that has to be created.
        timeout_seconds: How long to wait for a broker.

    Returns:
        Names of the topics that were created.

    Raises:
        KafkaUnreachableError: no broker answers in time.
        TopicError: the broker refuses to create one.
    """
    complaints = Complaints()
    admin = AdminClient(kafka.client({"log_level": 0, "error_cb": complaints}))
    try:
        existing = admin.list_topics(timeout=timeout_seconds).topics
    except KafkaException as error:
        admin.poll(0)
        raise KafkaUnreachableError(
            f"no Kafka broker answers at {kafka} (waited {timeout_seconds:g} s){complaints}; start one with `make up`, "
            "or set SHOP_KAFKA_BOOTSTRAP to the address of yours"
        ) from error
    absent = {name: count for name, count in partitions.items() if name not in existing}
    if absent:
        for name, future in admin.create_topics(
            [NewTopic(name, count) for name, count in absent.items()]
        ).items():
            _check(name, future)
    return sorted(absent)


def check_partitions(kafka: Kafka, name: str, count: int, timeout_seconds: float) -> None:
    """Make sure that a topic has so many partitions.

    Raises:
        TopicError: it has another number.
    """
    admin = AdminClient(kafka.client({"log_level": 0}))
    partitions = len(admin.list_topics(name, timeout=timeout_seconds).topics[name].partitions)
    if partitions != count:
        raise TopicError(
            f"topic {name!r} has {partitions} partitions, it must have {count}: stop the workers of its group and delete it, "
            "it holds no messages; or set SHOP_STREAM_GROUP (of the archive of predictions: SHOP_PREDICTIONS_GROUP) to a new one"
        )


def _check(name: str, future: Future[None]) -> None:
    try:
        future.result()
    except KafkaException as error:
        reason: KafkaError = error.args[0]
        if reason.code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise TopicError(f"topic {name!r} cannot be created: {reason.str()}") from error
