"""Fixtures for all tests. The servers are real, start when first asked for and end with the session."""

import signal
from collections.abc import Iterator
from pathlib import Path

import prometheus_client  # noqa: F401  before Feast, which makes it share values between registries in files
import pytest

from tests.services import RunningKafka, RunningRedis, running_kafka, running_redis


def pytest_configure() -> None:
    """SIGTERM ends the session as Ctrl-C does, so that no server is left behind."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRedis]:
    """Shared by all tests: use keys of your own, never flush it. `own_redis` may be killed and flushed."""
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKafka]:
    """Shared by all tests: `kafka_broker.topic("orders")` creates a topic of your own. `own_kafka` may be killed."""
    with running_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RunningRedis]:
    """A Redis for one test."""
    with running_redis(tmp_path / "own_redis") as server:
        yield server


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[RunningKafka]:
    """A broker for one test."""
    with running_kafka(tmp_path / "own_kafka") as broker:
        yield broker
