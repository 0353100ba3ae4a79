"""The two services as the settings say: ours on loopback, or those that already run elsewhere."""

from dataclasses import dataclass

from infra.services.jars import Jars
from infra.services.kafka import KafkaServer
from infra.services.processes import Supervisor
from infra.services.redis import RedisServer
from infra.services.service import Service
from infra.settings import InfraSettings


def supervisor(settings: InfraSettings) -> Supervisor:
    """Of everything that the project runs on this machine."""
    return Supervisor(settings.services_dir, settings.stop_timeout)


def redis_service(settings: InfraSettings) -> Service:
    """The online store."""
    return Service(
        RedisServer(settings.redis_server),
        supervisor(settings),
        preferred_port=settings.redis_port,
        start_timeout=settings.start_timeout,
        external=settings.redis_address,
    )


def kafka_service(settings: InfraSettings) -> Service:
    """The event log."""
    broker = KafkaServer(
        Jars(settings.cache_dir, settings.kafka_version),
        heap_min_mb=settings.kafka_heap_min_mb,
        heap_max_mb=settings.kafka_heap_max_mb,
        java=settings.java,
        at=settings.kafka_at,
    )
    return Service(
        broker,
        supervisor(settings),
        preferred_port=settings.kafka_port,
        start_timeout=settings.start_timeout,
        external=settings.kafka_bootstrap,
    )


@dataclass(frozen=True)
class LocalServices:
    """Redis and Kafka, together."""

    settings: InfraSettings

    @property
    def services(self) -> tuple[Service, ...]:
        """In the order in which they start; they end in the opposite one."""
        return redis_service(self.settings), kafka_service(self.settings)

    def up(self) -> None:
        """Both answer on return; what already runs is kept. Raises `ServiceError`."""
        for service in self.services:
            service.up()
