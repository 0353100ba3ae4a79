"""Fixtures for all tests. The servers are real, start when first asked for and end with the session."""

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import prometheus_client  # noqa: F401  before Feast, which makes it share values between registries in files
import pytest
import s3fs

from tests.services import Bucket, RunningKafka, RunningRedis, running_kafka, running_redis, running_s3


def pytest_configure() -> None:
    """SIGTERM ends the session as Ctrl-C does, so that no server is left behind; no test is a matter of time."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hypothesis.settings.register_profile("shop", deadline=None)
    hypothesis.settings.load_profile("shop")


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


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Shared by all tests; `bucket` makes one of your own."""
    with running_s3() as url:
        yield url


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket that fsspec finds by the environment."""
    environment = {
        "AWS_ENDPOINT_URL": s3_server,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"test-{uuid.uuid4().hex}"
    s3fs.S3FileSystem().mkdir(name)
    yield Bucket(f"s3://{name}")
    s3fs.S3FileSystem.clear_instance_cache()


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
