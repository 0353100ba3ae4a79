"""Where the benchmarks of the stream worker run: Kafka, Redis and the worker as processes of their own on this machine."""

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.scrape import Metrics
from tests.services import RunningKafka, RunningRedis

ROOT = Path(__file__).parents[2]
OUR_STORE = "ingestion.stores.online.RedisOnlineStore"
OUR_HISTORY = "ingestion.stores.offline.ParquetOfflineStore"

_CONFIG = """\
project: shop
provider: local
registry: {{path: {folder}/registry.db, cache_ttl_seconds: 3600}}
offline_store: {offline}
online_store: {{type: {online}, connection_string: "{redis}"}}
entity_key_serialization_version: 3
"""


@dataclass(frozen=True)
class Stage:
    """Where everything runs."""

    folder: Path
    kafka: RunningKafka
    redis: RunningRedis

    def configuration(self, name: str, online: str = OUR_STORE, offline: str = OUR_HISTORY) -> Path:
        """Write a feature_store.yaml with these stores; history lies in the stage's data folder."""
        path = self.folder / f"{name}.yaml"
        root = f", root: {self.data}" if offline == OUR_HISTORY else ""
        path.write_text(
            _CONFIG.format(
                folder=self.folder,
                online=online,
                offline=f"{{type: {offline}{root}}}",
                redis=self.redis.address,
            )
        )
        return path

    @property
    def data(self) -> Path:
        """Our archive and whatever else we keep."""
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        """Of our programs."""
        return {
            **os.environ,
            "FEAST_FS_YAML_FILE_PATH": str(self.folder / "ours.yaml"),
            "SHOP_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "SHOP_DATA_DIR": str(self.data),
            "SHOP_STREAM_METRICS_PORT": "0",
        }

    def store(self, name: str = "ours") -> Any:
        """The feature store of a configuration; imports Feast."""
        from feast import FeatureStore

        warnings.filterwarnings("ignore", module="feast")  # Feast filters anew when it is imported
        return FeatureStore(repo_path=str(self.folder), fs_yaml_file=self.folder / f"{name}.yaml")


@dataclass(frozen=True)
class RunningWorker:
    """A stream worker that listens."""

    process: subprocess.Popen[bytes]
    address: str
    started: float

    def metrics(self) -> Metrics:
        """What it has counted so far."""
        return Metrics.scrape(self.address)

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()

    def total(self, name: str) -> float:
        """One of its metrics, without ``shop_stream_``."""
        return self.metrics().total(f"shop_stream_{name}")

    def wait_until_ready(self, seconds: float = 120) -> float:
        """Seconds from its start until it was ready."""
        wait_for(lambda: self.total("ready"), "the worker to be ready", seconds, poll=0.01)
        return time.perf_counter() - self.started


def apply_definitions(stage: Stage, repo: str = "feature_repo") -> None:
    """`feast apply` of a folder of definitions, with our stores."""
    stage.configuration("ours")
    command = [sys.executable, "-O", "-m", "feast.cli.cli", "-c", str(ROOT / repo), "apply"]
    done = subprocess.run(command, env=stage.environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"feast apply failed:\n{done.stdout}{done.stderr}")


@contextmanager
def worker(stage: Stage, name: str = "worker", **settings: str) -> Iterator[RunningWorker]:
    """A worker from the moment it listens; stopped in order at the end, unless it was killed. Its log has the name."""
    log = stage.folder / f"{name}.log"
    started = time.perf_counter()
    with log.open("wb") as output:
        command = [sys.executable, "-m", "ingestion.stream"]
        process = subprocess.Popen(
            command, env=stage.environment | settings, stderr=output, stdout=output, cwd=ROOT
        )
    try:
        wait_for(
            lambda: " port=" in log.read_text() or process.poll() is not None,
            "the worker to listen",
            poll=0.01,
        )
        if process.poll() is not None:
            raise RuntimeError(f"the worker ended:\n{log.read_text()}")
        port = log.read_text().split(" port=")[1].split()[0]
        yield RunningWorker(process, f"127.0.0.1:{port}", started)
        if process.poll() == -signal.SIGKILL:
            return
        process.terminate()
        if status := process.wait(60):
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
