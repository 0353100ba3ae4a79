"""A task as a process: waited for, and ended where it takes too long or the watch is to end."""

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Final

import msgspec

from expectations.watch.outcome import Outcome

_POLL_SECONDS: Final = 0.2
_END_SECONDS: Final = 3.0
"""From SIGTERM to SIGKILL: a task has nothing to bring to an end, what it keeps it writes as a whole."""
_TAIL: Final = 2_000
"""Characters of what a failed task printed that are told."""


@dataclass(frozen=True)
class Done:
    """How a process ended.

    Attributes:
        outcome: Of its task.
        seconds: How long it took.
        printed: The last of what it printed.
    """

    outcome: Outcome
    seconds: float
    printed: str


@dataclass(frozen=True)
class Processes:
    """Runs tasks, one at a time.

    Attributes:
        command: The command of a task.
        seconds_max: How long one may take.
        stop: Set to end what runs.
        waited: Called while it runs, several times a second.
    """

    command: Callable[[str], list[str]]
    seconds_max: float
    stop: Event
    waited: Callable[[], None]

    def run(self, task: str) -> Done | None:
        """How the task ended; None where it was ended because the watch is to end."""
        began = time.monotonic()
        with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as printed:
            process = subprocess.Popen(
                self.command(task), stdin=subprocess.DEVNULL, stdout=told, stderr=printed
            )
            try:
                in_time = self._wait(process, began + self.seconds_max)
            finally:
                _end(process)
            if self.stop.is_set():
                return None
            told.seek(0)
            printed.seek(0)
            words = printed.read().decode(errors="replace").strip()[-_TAIL:]
            outcome = (
                _outcome(told.read(), process.returncode, words)
                if in_time
                else Outcome(failed=f"ended after {self.seconds_max:g} s (SHOP_QUALITY_TASK_SECONDS_MAX)")
            )
        return Done(outcome, time.monotonic() - began, words)

    def _wait(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Whether it ended by itself, or is to be ended for other reasons than the time."""
        while process.poll() is None:
            if self.stop.wait(_POLL_SECONDS):
                break
            if time.monotonic() > deadline:
                return False
            self.waited()
        return True


def task_command(repo: Path) -> Callable[[str], list[str]]:
    """Runs `expectations.watch.child` by this very interpreter."""
    return lambda task: [sys.executable, "-m", "expectations.watch.child", task, "--repo", str(repo)]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _outcome(told: bytes, status: int, printed: str) -> Outcome:
    if told:
        return msgspec.json.decode(told, type=Outcome)
    how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    last = printed.splitlines()[-1] if printed else "nothing printed"
    return Outcome(failed=f"its process ended with {how}: {last}")
