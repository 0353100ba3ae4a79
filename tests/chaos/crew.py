"""The workers of the storm: started with or without a fuse, killed, frozen, stopped, and ended by process id whatever happens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.ingestion.stream.worker_process import WorkerProcess, wait_for

DEADLINE_SECONDS = 120.0
REST_SECONDS = 2.5
"""Twice as long as a heartbeat, which tells a worker that the group is being rearranged."""
AT_REST = ("ready", "standing by")
PUT_OUT = "was put out of its group"


@dataclass
class Crew:
    """Workers by name; one that is started again under its name has its place in the group back at once.

    Attributes:
        environment: Of every worker.
        folder: Their logs, one for each life.
        members: Those that were started last, by name.
        lives: How many were started.
    """

    environment: Mapping[str, str]
    folder: Path
    members: dict[str, WorkerProcess] = field(default_factory=dict)
    lives: int = 0

    def start(self, name: str, *fuse: str) -> WorkerProcess:
        """Start a worker, with a fuse if arguments of `doomed` are given."""
        assert name not in self.members, f"{name} runs; two of one name put each other out"
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / f"{self.lives:02d}_{name}.log"
        self.lives += 1
        program = ["tests.chaos.doomed", *fuse] if fuse else ["ingestion.stream"]
        own = {"PYTHONOPTIMIZE": "1", "PYTHONUNBUFFERED": "1", "SHOP_STREAM_INSTANCE": name}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *program],
                env={**_inherited(), **own, **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.members[name] = WorkerProcess(process, log)
        return self.members[name]

    def await_death(self, name: str) -> None:
        """Until the fuse has burnt down.

        Raises:
            AssertionError: the worker lives on, or ended in another way; with its log.
        """
        worker = self.members.pop(name)
        try:
            status = worker.process.wait(DEADLINE_SECONDS)
        except subprocess.TimeoutExpired:
            worker.kill()
            raise AssertionError(f"{name} outlived its fuse:\n{worker.log.read_text()}") from None
        assert status == -signal.SIGKILL, f"{name} ended with {status}:\n{worker.log.read_text()}"

    def kill(self, name: str) -> None:
        """SIGKILL now."""
        self.members.pop(name).kill()

    def stop(self, name: str) -> None:
        """In order, which must succeed."""
        worker = self.members.pop(name)
        status = worker.stop(DEADLINE_SECONDS)
        assert status == 0, f"{name} ended with {status}:\n{worker.log.read_text()}"

    def stop_all(self) -> None:
        for name in list(self.members):
            self.stop(name)

    def freeze(self, name: str) -> None:
        """It does nothing any more, but does not know."""
        self.members[name].process.send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.members[name].process.send_signal(signal.SIGCONT)

    def await_ready(self, seconds: float = DEADLINE_SECONDS) -> None:
        """Until one of them works."""
        wait_for(self._ready, "a worker to be ready", seconds)

    def await_rest(self) -> None:
        """Until all of them have worked, or have had nothing to do, for longer than it takes to notice who came and went."""
        since = time.monotonic()

        def rests() -> bool:
            nonlocal since
            self._ready()
            now = time.monotonic()
            if any(worker.health().get("status") not in AT_REST for worker in self.members.values()):
                since = now
            return now - since > REST_SECONDS

        wait_for(rests, "all workers to be at rest", DEADLINE_SECONDS)

    def leader(self) -> str:
        """Name of the one that archives."""
        self.await_ready()
        wait_for(self._leaders, "a worker to lead", DEADLINE_SECONDS)
        return self._leaders()[0]

    def _leaders(self) -> list[str]:
        return [n for n, w in self.members.items() if "\nshop_stream_leads 1.0\n" in w.metrics()]

    def _ready(self) -> list[str]:
        self._start_those_put_out()
        assert not self._ended(), self._ended()
        return [name for name, worker in self.members.items() if worker.health().get("status") == "ready"]

    def _start_those_put_out(self) -> None:
        """As whoever supervises them does: a broker that restarts has forgotten who took a name over from a killed worker."""
        for name, worker in list(self.members.items()):
            if worker.process.poll() == 1 and PUT_OUT in worker.log.read_text():
                del self.members[name]
                self.start(name)

    def _ended(self) -> str:
        return "\n".join(
            f"{name} ended with {worker.process.returncode}:\n{worker.log.read_text()}"
            for name, worker in self.members.items()
            if worker.process.poll() is not None
        )


def _inherited() -> dict[str, str]:
    """The environment without what Feast adds to that of a test: counters in files, of which a full disk would be the end."""
    return {name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"}


@contextmanager
def crew(environment: Mapping[str, str], folder: Path) -> Iterator[Crew]:
    """Ends all of them at the end."""
    members = Crew(environment, folder)
    try:
        yield members
    finally:
        for worker in members.members.values():
            worker.kill()  # also ends one that is frozen
