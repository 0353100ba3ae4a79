"""Commands as steps of a longer job: one progress line each, their output in a log, its tail shown when one fails."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

TAIL_LINES = 25
Result = TypeVar("Result")


class StepFailedError(RuntimeError):
    """A step ended with a non-zero status or an error; the message says which and shows the end of its log."""


@dataclass
class Steps:
    """Runs the steps of a job of known length, in order.

    Attributes:
        total: Number of steps.
        logs: Folder for one log per command.
        environment: Variables of the commands, on top of this process's own.
        console: Where progress is drawn.
    """

    total: int
    logs: Path
    environment: Mapping[str, str]
    console: Console
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress = Progress(*columns, console=self.console)
        self._overall = self._progress.add_task("the whole job", total=self.total)

    @contextmanager
    def shown(self) -> Iterator["Steps"]:
        """Draw the progress while the steps run."""
        with self._progress:
            yield self

    def command(self, title: str, arguments: Sequence[str], *, wanted: bool = True) -> None:
        """Run a program to its end; one that is not wanted counts as done.

        Raises:
            StepFailedError: its status was not 0.
        """
        if wanted:
            self.call(title, lambda: self._run(title, arguments))
        else:
            self._progress.advance(self._overall)

    def call(self, title: str, step: Callable[[], Result]) -> Result:
        """Run a function as a step; returns what it returns."""
        task = self._progress.add_task(title, total=1)
        began = time.monotonic()
        try:
            result = step()
        finally:
            self.seconds[title] = time.monotonic() - began
        self._progress.update(task, completed=1, description=f"[green]{title}")
        self._progress.advance(self._overall)
        return result

    def _run(self, title: str, arguments: Sequence[str]) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{title.replace(' ', '_').replace('/', '_')}.log"
        with log.open("wb") as output:
            ended = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment},
                check=False,
            )
        if ended.returncode:
            raise StepFailedError(
                f"{title}: `{' '.join(arguments)}` ended with status {ended.returncode}; its log {log} ends:\n{tail(log)}"
            )


def tail(log: Path, lines: int = TAIL_LINES) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
