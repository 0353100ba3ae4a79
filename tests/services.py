"""Real servers for the integration tests, and what tests say to them."""

import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from connections.kafka import Kafka
from infra.services.local import kafka_service, redis_service
from infra.services.ports import LOOPBACK, free_port, host_and_port, is_free
from infra.services.service import Service
from infra.services.topics import create_topics
from infra.settings import InfraSettings

READ_TIMEOUT_SECONDS = 15.0
START_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True)
class RunningRedis:
    """A Redis of the tests' own, empty at the start of the session."""

    service: Service
    address: str

    @property
    def host(self) -> str:
        return host_and_port(self.address)[0]

    @property
    def port(self) -> int:
        return host_and_port(self.address)[1]

    def client(self, **options: Any) -> redis.Redis:
        """Close it, or use it in a `with`: an open connection left behind is a warning, and warnings fail."""
        return redis.Redis(self.host, self.port, **options)

    def kill(self) -> None:
        """SIGKILL; `restart` brings it back on the same port with its data."""
        self.service.supervisor.kill(self.service.name)

    def restart(self) -> None:
        self.service.restart()


@dataclass(frozen=True)
class RunningKafka:
    """A broker of the tests' own."""

    service: Service
    bootstrap: str

    def topic(self, prefix: str = "events", partitions: int = 4) -> str:
        """Create a topic that no other test has; its name is `<prefix>_<unique>`."""
        name = f"{prefix}_{uuid.uuid4().hex[:12]}"
        self.create(name, partitions)
        return name

    def create(self, name: str, partitions: int = 4) -> None:
        """Create a topic under this very name, where it is absent."""
        create_topics(Kafka(self.bootstrap), {name: partitions}, retention=InfraSettings().topic_retention)

    def produce(self, topic: str, values: Iterable[bytes], key: bytes | None = None) -> None:
        """Returns once the broker has acknowledged every one of `values`.

        Raises:
            KafkaException: the broker refused one.
        """
        refused: list[KafkaError] = []
        # A topic is there once `topic` or `create` returns: no need to wait for one that is not known.
        quick = {"linger.ms": 2, "topic.metadata.propagation.max.ms": 500, "message.timeout.ms": 10_000}
        producer = Producer({"bootstrap.servers": self.bootstrap, **quick})

        def delivered(error: KafkaError | None, _: Message) -> None:
            refused.extend([error] if error else [])

        for value in values:
            producer.produce(topic, value, key, on_delivery=delivered)
            producer.poll(0)
        if producer.flush(READ_TIMEOUT_SECONDS):
            raise TimeoutError(f"{self.bootstrap} has not acknowledged all messages to {topic}")
        if refused:
            raise KafkaException(refused[0])

    def read(self, topic: str, count: int, timeout_seconds: float = READ_TIMEOUT_SECONDS) -> list[Message]:
        """The first `count` messages of `topic` over all partitions; fewer when no more come in time."""
        with self.consumer(topic) as consumer:
            deadline = time.monotonic() + timeout_seconds
            messages: list[Message] = []
            while len(messages) < count and time.monotonic() < deadline:
                messages += consumer.consume(count - len(messages), timeout=0.2)
        return messages

    @contextmanager
    def consumer(self, topic: str, **config: Any) -> Iterator[Consumer]:
        """Subscribed to `topic` from its beginning in a group of its own, closed at the end."""
        group = {"group.id": f"test-{uuid.uuid4().hex}", "auto.offset.reset": "earliest"}
        consumer = Consumer({"bootstrap.servers": self.bootstrap, **group, **config})
        consumer.subscribe([topic])
        try:
            yield consumer
        finally:
            consumer.close()

    def kill(self) -> None:
        """SIGKILL; `restart` brings it back on the same port with its data."""
        self.service.supervisor.kill(self.service.name)

    def restart(self) -> None:
        self.service.restart()


@dataclass(frozen=True)
class Bucket:
    """A bucket of a test's own.

    Attributes:
        url: ``s3://<name>``; the environment tells clients where the server is.
    """

    url: str


def own_settings(data_dir: Path, **changes: Any) -> InfraSettings:
    """Nothing of the developer's own platform: free ports, its own data, no address from the environment."""
    own = {
        "redis_address": None,
        "kafka_bootstrap": None,
        "redis_port": free_port(),
        "kafka_port": free_port(),
    }
    return InfraSettings(**{"data_dir": data_dir, **own, **changes})


@contextmanager
def running_redis(data_dir: Path) -> Iterator[RunningRedis]:
    service = redis_service(own_settings(data_dir))
    try:
        yield RunningRedis(service, service.up())
    finally:
        service.down()


@contextmanager
def running_s3() -> Iterator[str]:
    """A server that speaks S3 and keeps everything in memory; its URL."""
    port = free_port()
    program = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port)]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + START_TIMEOUT_SECONDS
            while is_free(port):
                assert process.poll() is None, f"moto ended with status {process.returncode}"
                assert time.monotonic() < deadline, "moto did not start"
                time.sleep(0.05)
            yield f"http://{LOOPBACK}:{port}"
        finally:
            process.kill()


@contextmanager
def running_kafka(data_dir: Path) -> Iterator[RunningKafka]:
    service = kafka_service(own_settings(data_dir))
    try:
        yield RunningKafka(service, service.up())
    finally:
        service.down()
