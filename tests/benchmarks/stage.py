"""Where the benchmarks of the stream worker run: Kafka, Redis and the worker as processes of their own on this machine."""

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from tests.services import RunningKafka, RunningRedis

TOPICS = ("orders", "page_views", "chargebacks")
ROOT = Path(__file__).parents[2]

_CONFIG = """\
project: shop
provider: local
registry: {{path: {folder}/registry.db, cache_ttl_seconds: 3600}}
offline_store: {{type: ingestion.stores.offline.ParquetOfflineStore, root: {folder}/data}}
online_store: {{type: {online}, connection_string: "{redis}"}}
entity_key_serialization_version: 3
"""


@dataclass(frozen=True)
class Stage:
    """Where everything runs."""

    folder: Path
    kafka: RunningKafka
    redis: RunningRedis

    def configuration(self, name: str, online: str) -> Path:
        """A feature_store.yaml with another online store."""
        path = self.folder / f"{name}.yaml"
        path.write_text(_CONFIG.format(folder=self.folder, online=online, redis=self.redis.address))
        return path

    @property
    def environment(self) -> dict[str, str]:
        """Of our programs."""
        return {
            **os.environ,
            "FEAST_FS_YAML_FILE_PATH": str(self.folder / "ours.yaml"),
            "SHOP_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "SHOP_DATA_DIR": str(self.folder / "data"),
            "SHOP_STREAM_METRICS_PORT": "0",
        }


class Metrics:
    """One reading of the worker's metrics."""

    def __init__(self, port: int) -> None:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            families = text_string_to_metric_families(answer.read().decode())
        self.samples = [sample for family in families for sample in family.samples]

    def total(self, name: str) -> float:
        """Sum over all labels."""
        return sum(sample.value for sample in self.samples if sample.name == f"shop_stream_{name}")

    def buckets(self, name: str) -> dict[float, float]:
        """Cumulative counts by upper bound in seconds."""
        return {
            float(sample.labels["le"]): sample.value
            for sample in self.samples
            if sample.name == f"shop_stream_{name}_bucket"
        }

    def stages(self) -> dict[str, float]:
        """Seconds spent by stage."""
        sums = (sample for sample in self.samples if sample.name == "shop_stream_stage_seconds_sum")
        return {sample.labels["stage"]: sample.value for sample in sums}


def apply_definitions(stage: Stage) -> None:
    """`feast apply` of the shop's definitions."""
    stage.configuration("ours", "ingestion.stores.online.RedisOnlineStore")
    command = [sys.executable, "-O", "-m", "feast.cli.cli", "-c", str(ROOT / "feature_repo"), "apply"]
    done = subprocess.run(command, env=stage.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"feast apply failed:\n{done.stdout}{done.stderr}")


@contextmanager
def worker(stage: Stage, **settings: str) -> Iterator[int]:
    """A running worker's metrics port; it was asked as soon as it listens."""
    log = stage.folder / "worker.log"
    with log.open("wb") as output:
        command = [sys.executable, "-m", "ingestion.stream"]
        process = subprocess.Popen(
            command, env=stage.environment | settings, stderr=output, stdout=output, cwd=ROOT
        )
    try:
        wait_for(lambda: " port=" in log.read_text() or process.poll() is not None, "the worker to listen")
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended:\n{log.read_text()}")
        yield int(log.read_text().split(" port=")[1].split()[0])
        process.terminate()
        if status := process.wait(30):
            raise RuntimeError(f"the worker ended with {status}:\n{log.read_text()}")
    finally:
        process.kill()
        process.wait(10)


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120, poll: float = 0.1) -> None:
    """Return once the condition holds; raises when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds:g} s for {what}")
        time.sleep(poll)
