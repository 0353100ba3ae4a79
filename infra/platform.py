"""The platform on this machine: two services, their topics and our programs.

python -m infra.platform up|down|status
"""

import sys
from dataclasses import dataclass

from infra.commands import main
from infra.programs import PythonServer, api, eraser, prediction_archive, quality_watch, stream_worker
from infra.services.files import write_atomically
from infra.services.local import LocalServices, kafka_service, redis_service, supervisor
from infra.services.ports import shown
from infra.services.service import Service
from infra.settings import InfraSettings
from infra.topics import create_platform_topics

FEATURE_STORE_YAML = "feature_store.yaml"


@dataclass(frozen=True)
class Platform:
    """Each step may be repeated: what is there already is kept. Steps raise `ServiceError`."""

    settings: InfraSettings

    @property
    def redis(self) -> Service:
        """The online store."""
        return redis_service(self.settings)

    @property
    def kafka(self) -> Service:
        """The event log."""
        return kafka_service(self.settings)

    @property
    def stream(self) -> Service:
        """The stream worker; its address is that of its metrics."""
        return self._service(stream_worker(self.environment()), self.settings.stream_metrics_port)

    @property
    def predictions(self) -> Service:
        """The archive of predictions; its address is that of its metrics."""
        return self._service(prediction_archive(self.environment()), self.settings.predictions_metrics_port)

    @property
    def eraser(self) -> Service:
        """The program that erases people; its address is that of its health."""
        return self._service(eraser(self.environment()), self.settings.erase_metrics_port)

    @property
    def api(self) -> Service:
        """The prediction API."""
        return self._service(api(self.environment()), self.settings.api_port)

    @property
    def quality(self) -> Service:
        """The program that measures what is served; its address is that of its metrics."""
        server = quality_watch(self.environment(), self.settings.feature_repo)
        return self._service(server, self.settings.quality_metrics_port)

    @property
    def services(self) -> tuple[Service, ...]:
        """In the order in which they start; they end in the opposite one."""
        return self.redis, self.kafka, self.stream, self.predictions, self.eraser, self.api, self.quality

    def environment(self) -> dict[str, str]:
        """What our programs must know of this machine; the addresses of services that run."""
        data = self.settings.data_dir.resolve()
        addresses = {"SHOP_REDIS_ADDRESS": self.redis.address, "SHOP_KAFKA_BOOTSTRAP": self.kafka.address}
        known = {name: address for name, address in addresses.items() if address}
        repo = {
            "SHOP_FEATURE_REPO": str(self.settings.feature_repo.resolve()),
            "FEAST_FS_YAML_FILE_PATH": str(data / FEATURE_STORE_YAML),
        }
        return {"SHOP_DATA_DIR": str(data), **repo, **known}

    def write_feature_store_yaml(self) -> None:
        """The feature repo's feature_store.yaml for this data folder, beside the data."""
        local = (self.settings.feature_repo / FEATURE_STORE_YAML).read_text(encoding="utf-8")
        data = self.settings.data_dir.resolve()
        data.mkdir(parents=True, exist_ok=True)
        write_atomically(data / FEATURE_STORE_YAML, local.replace("../data", str(data)))

    def start_services(self) -> None:
        """Redis and Kafka, both answering on return."""
        self.write_feature_store_yaml()
        LocalServices(self.settings).up()

    def create_topics(self) -> frozenset[str]:
        """Those of the topics that were absent; the services must run."""
        return create_platform_topics(self.settings.kafka_at(self.kafka.up()), self.settings)

    def start_stream_worker(self) -> None:
        """Healthy on return; wants applied definitions and the topics."""
        self.stream.up()

    def start_prediction_archive(self) -> None:
        """Healthy on return; wants the topics."""
        self.predictions.up()

    def start_eraser(self) -> None:
        """Healthy on return; wants applied definitions."""
        self.eraser.up()

    def start_api(self) -> None:
        """Healthy on return; wants applied definitions and trained models."""
        self.api.up()

    def start_quality_watch(self) -> None:
        """Answers on return, and begins to measure; wants applied definitions."""
        self.quality.up()

    def up(self) -> None:
        """Everything, in order."""
        self.start_services()
        self.create_topics()
        self.start_stream_worker()
        self.start_prediction_archive()
        self.start_eraser()
        self.start_api()
        self.start_quality_watch()

    def stop(self) -> tuple[str, ...]:
        """End what runs, programs before services; the names of what ran."""
        return tuple(service.name for service in reversed(self.services) if service.down())

    def urls(self) -> dict[str, str]:
        """Where to look, of what runs now."""
        pages = {
            "prediction API": (self.api, "http://{}/docs"),
            "API metrics": (self.api, "http://{}/metrics"),
            "stream metrics": (self.stream, "http://{}/metrics"),
            "prediction archive metrics": (self.predictions, "http://{}/metrics"),
            "quality metrics": (self.quality, "http://{}/metrics"),
            "Redis": (self.redis, "redis://{}"),
            "Kafka": (self.kafka, "{}"),
        }
        return {
            title: form.format(shown(service.address))
            for title, (service, form) in pages.items()
            if service.address
        }

    def _service(self, server: PythonServer, port: int) -> Service:
        return Service(server, supervisor(self.settings), port, self.settings.start_timeout)


if __name__ == "__main__":
    sys.exit(main("infra.platform", __doc__, Platform))
