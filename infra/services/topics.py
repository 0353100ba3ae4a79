"""Kafka topics, created where they are absent."""

from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import timedelta

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic, TopicMetadata

from connections.kafka import Kafka
from infra.services.errors import ServiceStartError
from infra.services.waiting import wait_until

BROKERS_DEFAULT = -1


def create_topics(
    kafka: Kafka,
    partitions: Mapping[str, int],
    *,
    retention: timedelta,
    timeout: timedelta = timedelta(seconds=30),
) -> frozenset[str]:
    """Create those of `partitions` (topic to number of partitions) that do not exist; their names.

    Topics that exist are left as they are: another number of partitions would send a key's later events elsewhere.
    Replicated as often as the broker does by default. Returns once every topic can be written to.

    Raises:
        ServiceStartError: the broker refuses one or is not reached in time.
    """
    admin = AdminClient(kafka.client())
    config = {"retention.ms": str(round(retention.total_seconds() * 1000))}
    topics = [NewTopic(name, count, BROKERS_DEFAULT, config=config) for name, count in partitions.items()]
    seconds = timeout.total_seconds()
    asked = admin.create_topics(topics, operation_timeout=seconds, request_timeout=seconds) if topics else {}
    created = frozenset(name for name, future in asked.items() if _is_new(name, future, kafka))
    if not wait_until(lambda: _writable(admin, set(partitions)), timeout):
        raise ServiceStartError(f"topics {sorted(partitions)} at {kafka} have no leader after {seconds:g} s")
    return created


def _is_new(name: str, future: Future[None], kafka: Kafka) -> bool:
    try:
        future.result()
    except KafkaException as error:
        reason: KafkaError = error.args[0]
        if reason.code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise ServiceStartError(f"topic {name!r} cannot be created at {kafka}: {reason.str()}") from error
    return True


def _writable(admin: AdminClient, names: set[str]) -> bool:
    with suppress(KafkaException):
        known = admin.list_topics(timeout=5).topics
        return all(name in known and _has_leaders(known[name]) for name in names)
    return False


def _has_leaders(topic: TopicMetadata) -> bool:
    return bool(topic.partitions) and all(part.leader >= 0 for part in topic.partitions.values())
