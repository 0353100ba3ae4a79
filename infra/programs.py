"""Our own long-running programs, as servers that are started and waited for like Redis and Kafka."""

import sys
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from infra.services.ports import LOOPBACK
from infra.services.processes import Program

ANSWER_TIMEOUT_SECONDS = 2.0
ONE_THREAD = {"POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""Our programs share this machine's few cores with one another: their batches are small, threads only fight."""

STREAM_NICENESS = 5
"""Somebody waits for an answer of the API; a feature may be some milliseconds later. A third of the usual share: on a machine
that does too much else, features may not be seconds later either."""
QUALITY_NICENESS = 10
"""Nobody waits for a measurement; yet it has to come up, on a busy machine too: a tenth of the usual share."""


@dataclass(frozen=True)
class PythonServer:
    """`python -m <module> <arguments>`, which listens for HTTP on the port that it reads from the variable `port_variable`."""

    name: str
    module: str
    port_variable: str
    health_path: str
    environment: Mapping[str, str]
    niceness: int = 0
    arguments: tuple[str, ...] = ()

    def program(self, port: int, _data: Path, /) -> Program:
        """Run by this very interpreter, its output unbuffered so that the log is never behind."""
        own = {self.port_variable: str(port), "PYTHONUNBUFFERED": "1"}
        command = (sys.executable, "-m", self.module, *self.arguments)
        return Program(self.name, command, {**self.environment, **own}, self.niceness)

    def answers(self, address: str) -> bool:
        """Whether a GET of `health_path` gives 200."""
        with (
            suppress(OSError),
            urllib.request.urlopen(
                f"http://{address}{self.health_path}", timeout=ANSWER_TIMEOUT_SECONDS
            ) as answer,
        ):
            return bool(answer.status == HTTPStatus.OK)
        return False


def stream_worker(environment: Mapping[str, str]) -> PythonServer:
    """Kafka to features; its health and metrics are served beside it."""
    environment = {**ONE_THREAD, **environment}
    port = "SHOP_STREAM_METRICS_PORT"
    return PythonServer("stream", "ingestion.stream", port, "/health", environment, STREAM_NICENESS)


def prediction_archive(environment: Mapping[str, str]) -> PythonServer:
    """The topic of the prediction log to parquet."""
    environment = {**ONE_THREAD, **environment}
    port = "SHOP_PREDICTIONS_METRICS_PORT"
    return PythonServer("predictions", "ingestion.predictions", port, "/health", environment, STREAM_NICENESS)


def eraser(environment: Mapping[str, str]) -> PythonServer:
    """Requests to erase somebody, carried out."""
    environment = {**ONE_THREAD, **environment}
    return PythonServer(
        "erase", "ingestion.erase", "SHOP_ERASE_METRICS_PORT", "/health", environment, STREAM_NICENESS
    )


def quality_watch(environment: Mapping[str, str], feature_repo: Path) -> PythonServer:
    """Parity, freshness, checks and drift, again and again."""
    environment = {**ONE_THREAD, **environment}
    return PythonServer(
        "quality",
        "expectations",
        "SHOP_QUALITY_METRICS_PORT",
        "/health",
        environment,
        QUALITY_NICENESS,
        ("watch", "--repo", str(feature_repo.resolve())),
    )


def api(environment: Mapping[str, str]) -> PythonServer:
    """Features to predictions, on loopback only."""
    environment = {"SHOP_API_HOST": LOOPBACK, **ONE_THREAD, **environment}
    return PythonServer("api", "serving", "SHOP_API_PORT", "/health", environment)
