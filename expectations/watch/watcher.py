"""The watch: one task after the other, each at its interval, until it is stopped."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Final, Protocol

from expectations.exporter import QualityMetrics
from expectations.watch.log import say
from expectations.watch.outcome import Outcome
from expectations.watch.process import Done
from expectations.watch.schedule import Schedule
from expectations.watch.status import Status

log = logging.getLogger("expectations.watch")

_TURN_SECONDS: Final = 5.0
"""Longest pause between two turns: /health tells that the watch goes on."""


class Runs(Protocol):
    """Does tasks; see `expectations.watch.process.Processes`."""

    def run(self, task: str) -> Done | None:
        """How a task ended; None where the watch is to end."""


@dataclass(frozen=True)
class Watcher:
    """What the watch works with.

    Attributes:
        schedule: When each task is due, by `monotonic`.
        processes: Does tasks.
        metrics: What Prometheus is told.
        status: What /health tells.
        stop: Set to end it.
        monotonic: Seconds of a clock that never goes back.
        now: The present, aware.
    """

    schedule: Schedule
    processes: Runs
    metrics: QualityMetrics
    status: Status
    stop: Event
    monotonic: Callable[[], float]
    now: Callable[[], datetime]

    def run(self) -> None:
        """Work until stopped. A task that fails is logged and counted, and its turn comes again after its interval."""
        while not self.stop.is_set():
            self.status.turn()
            task, due = self.schedule.next()
            wait = due - self.monotonic()
            if wait > 0:
                self.stop.wait(min(wait, _TURN_SECONDS))
            else:
                self._do(task)

    def _do(self, task: str) -> None:
        self.schedule.began(task, self.monotonic())
        self.status.task = task
        say(log, logging.INFO, "begun", task=task)
        done = self.processes.run(task)
        self.status.task = "none"
        if done is None:
            say(log, logging.INFO, "ended in the middle", task=task)
        else:
            self._tell(task, done)

    def _tell(self, task: str, done: Done) -> None:
        outcome, seconds = done.outcome, round(done.seconds, 3)
        if outcome.failed:
            self.metrics.failed(task)
            say(
                log,
                logging.ERROR,
                "failed",
                task=task,
                seconds=seconds,
                reason=outcome.failed,
                printed=done.printed,
            )
        elif outcome.nothing:
            say(log, logging.INFO, "nothing to look at", task=task, seconds=seconds, reason=outcome.nothing)
        else:
            self._show(outcome)
            self.metrics.done(task, self.now())
            say(log, logging.INFO, "done", task=task, seconds=seconds, **found(outcome))
        self.status.ended(task, f"{_how(outcome)}, {self.now():%FT%TZ}")

    def _show(self, outcome: Outcome) -> None:
        if outcome.parity is not None:
            self.metrics.parity(outcome.parity)
        if outcome.freshness is not None:
            self.metrics.freshness(outcome.freshness)
        for suite, success in (outcome.checks or {}).items():
            self.metrics.check(suite, success=success)
        if outcome.alarms is not None:
            self.metrics.drift(outcome.alarms)


def found(outcome: Outcome) -> dict[str, object]:
    """What a line of the log says of an outcome."""
    if outcome.parity is not None:
        return {one.service: one.accounted_ratio for one in outcome.parity.services}
    if outcome.freshness is not None:
        return {"overspent": [view.view for view in outcome.freshness.views if not view.held]}
    if outcome.checks is not None:
        return {
            "checked": len(outcome.checks),
            "broken": [s for s, held in outcome.checks.items() if not held],
        }
    return {"alarms": {diagnosis.value: number for diagnosis, number in (outcome.alarms or {}).items()}}


def _how(outcome: Outcome) -> str:
    if outcome.failed:
        return f"failed: {outcome.failed}"
    return f"nothing to look at: {outcome.nothing}" if outcome.nothing else "done"
