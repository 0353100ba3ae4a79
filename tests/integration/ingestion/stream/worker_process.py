"""The worker as a process of its own, and waiting for what it does."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEADLINE_SECONDS = 180.0
"""A start takes seconds; on a machine that does ten things at once it may take two minutes."""


@dataclass(frozen=True)
class WorkerProcess:
    """A running `python -m ingestion.stream`."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def port(self) -> int:
        return int(self.log.read_text().split(" port=")[1].split()[0])

    def health(self) -> dict[str, str]:
        """What /health says; empty while nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as unhealthy:
            with unhealthy:
                return dict(json.load(unhealthy))
        except (OSError, IndexError):
            return {}

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def wait_until(self, status: str) -> None:
        """Until /health says so, while the process lives."""
        wait_for(
            lambda: self.health().get("status") == status or self.process.poll() is not None,
            f"the worker to be {status!r}; its log:\n{self.log.read_text()}",
        )
        assert self.process.poll() is None, self.log.read_text()

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextmanager
def running_worker(environment: Mapping[str, str], log: Path) -> Iterator[WorkerProcess]:
    """Ends it by its process id, also on failure."""
    # Without assertions, typeguard leaves Feast's classes alone: a start takes 2 s instead of 5.
    own = {"PYTHONOPTIMIZE": "1", "PYTHONUNBUFFERED": "1", "SHOP_STREAM_METRICS_PORT": "0"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingestion.stream"],
            env={**os.environ, **own, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield WorkerProcess(process, log)
    finally:
        process.kill()
        process.wait(10)


def wait_for(condition: Callable[[], object], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Ask until it holds; fails after the deadline."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)
