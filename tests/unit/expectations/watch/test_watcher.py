"""The loop of the watch, with tasks that take no time and a clock that a test turns."""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Event

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from expectations.diagnosis import Diagnosis
from expectations.exporter import QualityMetrics
from expectations.settings import QualitySettings
from expectations.watch.log import JsonLines
from expectations.watch.outcome import Outcome
from expectations.watch.process import Done
from expectations.watch.schedule import Schedule
from expectations.watch.status import Status
from expectations.watch.watcher import Watcher
from infra.scrape import Metrics

NOW = datetime(2026, 4, 24, 8, tzinfo=UTC)


class Played:
    """Tasks as a test tells them; the watch is stopped behind the last one, a minute passes with each."""

    def __init__(self, *outcomes: Outcome | None) -> None:
        self.stop, self.seconds, self.done = Event(), 0.0, list[str]()
        self._outcomes = iter(outcomes)
        self._left = len(outcomes)

    def run(self, task: str) -> Done | None:
        self.seconds += 60
        self.done.append(task)
        self._left -= 1
        if not self._left:
            self.stop.set()
        outcome = next(self._outcomes)
        return Done(outcome, 60.0, "Traceback: told") if outcome else None


@pytest.fixture
def watched(caplog: pytest.LogCaptureFixture) -> Callable[..., tuple[Played, str, Status]]:
    """Let outcomes come one after the other; what was done, the metrics, the status."""
    caplog.set_level(logging.INFO, "expectations.watch")

    def watch(*outcomes: Outcome | None, **every: float) -> tuple[Played, str, Status]:
        played = Played(*outcomes)
        metrics = QualityMetrics(QualitySettings(), tuple(every))
        status = Status(CollectorRegistry(), tuple(every), lambda: played.seconds)
        schedule = Schedule(every, 0)
        Watcher(schedule, played, metrics, status, played.stop, lambda: played.seconds, lambda: NOW).run()
        return played, generate_latest(metrics.registry).decode(), status

    return watch


def test_a_task_that_fails_is_counted_and_its_turn_comes_again(
    watched: Callable[..., tuple[Played, str, Status]], caplog: pytest.LogCaptureFixture
) -> None:
    """It does not end the watch; the log says why, and what it had printed."""
    played, told, status = watched(Outcome(failed="OSError: gone"), Outcome(checks={}), drift=60)
    assert played.done == ["drift", "drift"]
    assert 'shop_quality_task_failures_total{task="drift"} 1.0' in told
    assert Metrics.parse(told).total("shop_quality_last_success_timestamp_seconds") == NOW.timestamp()
    (line,) = [json.loads(JsonLines().format(r)) for r in caplog.records if r.levelno == logging.ERROR]
    assert (line["level"], line["message"], line["task"]) == ("error", "failed", "drift")
    assert (line["reason"], line["printed"]) == ("OSError: gone", "Traceback: told")
    assert status.as_json()["drift"] == "done, 2026-04-24T08:00:00Z"


def test_nothing_to_look_at_is_neither_done_nor_failed(
    watched: Callable[..., tuple[Played, str, Status]], caplog: pytest.LogCaptureFixture
) -> None:
    """For too long it is an alert: nothing was measured."""
    _, told, status = watched(Outcome(nothing="no predictions"), parity=900)
    assert 'shop_quality_task_failures_total{task="parity"} 0.0' in told
    assert "shop_quality_last_success_timestamp_seconds{" not in told
    assert status.as_json()["parity"] == "nothing to look at: no predictions, 2026-04-24T08:00:00Z"
    assert "nothing to look at" in caplog.text


def test_a_task_that_is_ended_in_the_middle_has_not_failed(
    watched: Callable[..., tuple[Played, str, Status]],
) -> None:
    """The watch was told to end."""
    _, told, _ = watched(None, parity=900)
    assert 'shop_quality_task_failures_total{task="parity"} 0.0' in told


def test_checks_and_alarms_are_told_by_suite_and_diagnosis(
    watched: Callable[..., tuple[Played, str, Status]],
) -> None:
    """Those without an alarm are told to have none."""
    checks = Outcome(checks={"events-orders": False, "day-orders": True})
    _, told, _ = watched(checks, Outcome(alarms={Diagnosis.WORLD: 2}), checks=900, drift=900)
    assert 'shop_quality_check_failed{suite="events-orders"} 1.0' in told
    assert 'shop_quality_check_failed{suite="day-orders"} 0.0' in told
    assert 'shop_drift_alarms{diagnosis="world"} 2.0' in told
    assert 'shop_drift_alarms{diagnosis="pipeline"} 0.0' in told
