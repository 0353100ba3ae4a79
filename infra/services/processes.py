"""Programs that outlive the command that started them, found again by process id and start time."""

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil

from infra.services.errors import ServiceStartError
from infra.services.files import write_atomically
from infra.services.waiting import wait_until

CLOCK_ADJUSTMENT_SECONDS = 2.0
"""A start time is derived from the boot time, which the kernel corrects a little; a process id is not re-used that soon."""

KILL_TIMEOUT = timedelta(seconds=5)
"""The kernel takes a moment to tear down a killed process with a large heap."""

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Kept so that children of this very process are reaped when they end, instead of staying as zombies."""


@dataclass(frozen=True)
class Program:
    """What to run: `environment` is added to that of the caller; with a `niceness` it yields the cores to others."""

    name: str
    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    niceness: int = 0


@dataclass(frozen=True)
class Supervisor:
    """Starts and ends programs; their `<name>.pid` and `<name>.log` lie in `folder`."""

    folder: Path
    stop_timeout: timedelta = timedelta(seconds=20)

    def start(self, program: Program) -> int:
        """The process id; a program that already runs is left as it is.

        Raises:
            ServiceStartError: its executable cannot be run.
        """
        running = self.pid(program.name)
        if running is not None:
            return running
        self.folder.mkdir(parents=True, exist_ok=True)
        child = self._launch(program)
        _children[child.pid] = child
        record = {"pid": child.pid, "started": psutil.Process(child.pid).create_time()}
        write_atomically(self._pid_file(program.name), json.dumps(record))
        return child.pid

    def pid(self, name: str) -> int | None:
        """The process id of the program started under `name`, None when it does not run."""
        process = self._process(name)
        return None if process is None else process.pid

    def stop(self, name: str) -> bool:
        """End it by SIGTERM, after `stop_timeout` by SIGKILL to its whole session; False when it did not run."""
        process = self._process(name)
        if process is not None:
            _end(process, self.stop_timeout)
        self._pid_file(name).unlink(missing_ok=True)
        return process is not None

    def kill(self, name: str) -> None:
        """SIGKILL its session at once, as a crash would."""
        process = self._process(name)
        if process is not None:
            _end(process, timedelta(0))

    def log(self, name: str) -> Path:
        """Of the last start; that of the one before is beside it as `.log.1`."""
        return self.folder / f"{name}.log"

    def log_tail(self, name: str, lines: int = 25) -> str:
        """The last `lines` of its log, empty when there is none."""
        with suppress(FileNotFoundError):
            return "\n".join(self.log(name).read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _launch(self, program: Program) -> subprocess.Popen[bytes]:
        with self._fresh_log(program.name).open("wb") as log:
            try:
                child = subprocess.Popen(
                    (*nice(program.niceness), *program.argv),
                    env={**os.environ, **program.environment},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise ServiceStartError(
                    f"{program.name}: {program.argv[0]} cannot be run: {error}"
                ) from error
        _yield_session(child.pid, program.niceness)
        return child

    def _fresh_log(self, name: str) -> Path:
        log = self.log(name)
        with suppress(FileNotFoundError):
            log.replace(log.with_suffix(".log.1"))
        return log

    def _pid_file(self, name: str) -> Path:
        return self.folder / f"{name}.pid"

    def _process(self, name: str) -> psutil.Process | None:
        with suppress(FileNotFoundError, psutil.NoSuchProcess):
            record = json.loads(self._pid_file(name).read_text())
            process = psutil.Process(record["pid"])
            same = abs(process.create_time() - record["started"]) < CLOCK_ADJUSTMENT_SECONDS
            if same and _alive(process):
                return process
        return None


def nice(niceness: int) -> tuple[str, ...]:
    """What stands before a command so that it yields the cores to others; 0 is everybody's usual share."""
    return ("nice", "-n", str(niceness)) if niceness else ()


def _yield_session(session: int, niceness: int) -> None:
    """Linux shares cores out among sessions first (`autogroup`): niceness counts only within each, unless it is told so."""
    with suppress(OSError):
        (Path("/proc") / str(session) / "autogroup").write_text(str(niceness))


def _end(process: psutil.Process, grace: timedelta) -> None:
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        if grace:
            process.terminate()
        if not wait_until(lambda: not _alive(process), grace):
            os.killpg(process.pid, signal.SIGKILL)
            wait_until(lambda: not _alive(process), KILL_TIMEOUT)
    if (child := _children.pop(process.pid, None)) is not None:
        child.wait(KILL_TIMEOUT.total_seconds())


def _alive(process: psutil.Process) -> bool:
    """A zombie, ours or another parent's, has ended."""
    _reap(process.pid)
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]
