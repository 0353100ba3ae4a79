"""The metrics of `python -m expectations watch`, for Prometheus."""

from collections.abc import Collection, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

from expectations.diagnosis import Diagnosis
from expectations.freshness.record import FreshnessRun
from expectations.parity.record import ParityRun
from expectations.settings import QualitySettings


class QualityMetrics:
    """All metrics, in a Prometheus registry of their own; what is measured has no sample before it was.

    Args:
        settings: Bounds that alerts hold the measurements to.
        tasks: What is repeated.
    """

    def __init__(self, settings: QualitySettings, tasks: Collection[str]) -> None:
        self.registry = CollectorRegistry()
        by_view = ("service", "view")
        self._compared = self._counter(
            "parity_values_compared", "Served values compared with history.", *by_view
        )
        self._equal = self._counter(
            "parity_values_equal", "Served values equal to history as served.", *by_view
        )
        self._lagging = self._counter(
            "parity_values_lagging", "Served values that differ by ingestion lag only.", *by_view
        )
        self._stale = self._counter(
            "parity_values_stale",
            "Served values that were right once: events are missing for longer.",
            *by_view,
        )
        self._different = self._counter(
            "parity_values_different", "Served values that no lag explains.", *by_view
        )
        self._equal_ratio = self._gauge(
            "parity_equal_ratio", "Share of values equal as served, last measurement.", "service"
        )
        self._accounted_ratio = self._gauge(
            "parity_accounted_ratio",
            "Share of values equal once ingestion lag is taken into account.",
            "service",
        )
        bounds = {
            "parity_equal_ratio_min": settings.parity_equal_share_min,
            "parity_accounted_ratio_min": settings.parity_accounted_share_min,
        }
        for name, bound in bounds.items():
            self._gauge(name, "The least that is wanted of it, at the gate of promotion, too.").set(bound)
        self._target = self._gauge("freshness_target_seconds", "Freshness that is promised.", "view")
        self._p99 = self._gauge("freshness_p99_seconds", "Measured 99th percentile.", "view")
        self._budget = self._gauge(
            "freshness_budget_remaining_ratio", "Share of the error budget that is left.", "view"
        )
        self._burn = self._gauge(
            "freshness_burn_rate", "How fast the budget is spent; 1 spends it in its time.", "view", "hours"
        )
        self._checks = self._gauge(
            "quality_check_failed", "1: the newest check of the suite did not hold.", "suite"
        )
        self._alarms = self._gauge(
            "drift_alarms", "Subjects beyond a threshold on the newest day, by diagnosis.", "diagnosis"
        )
        self._last = self._gauge(
            "quality_last_success_timestamp_seconds", "When a task was last done, Unix time.", "task"
        )
        self._failures = self._counter(
            "quality_task_failures", "Times that a task could not be done.", "task"
        )
        for task in tasks:
            self._failures.labels(task)

    def parity(self, run: ParityRun) -> None:
        """A measurement of parity."""
        for service in run.services:
            for one in service.features:
                labels = service.service, one.view
                self._compared.labels(*labels).inc(one.compared)
                self._equal.labels(*labels).inc(one.equal)
                self._lagging.labels(*labels).inc(one.lagging)
                self._stale.labels(*labels).inc(one.stale)
                self._different.labels(*labels).inc(one.different)
            if service.equal_ratio is not None and service.accounted_ratio is not None:
                self._equal_ratio.labels(service.service).set(service.equal_ratio)
                self._accounted_ratio.labels(service.service).set(service.accounted_ratio)

    def freshness(self, run: FreshnessRun) -> None:
        """A measurement of freshness."""
        for view in run.views:
            self._target.labels(view.view).set(view.target_seconds)
            self._budget.labels(view.view).set(view.budget_remaining)
            if view.p99_seconds is not None:
                self._p99.labels(view.view).set(view.p99_seconds)
            for burn in view.burns:
                self._burn.labels(view.view, f"{burn.hours:g}").set(burn.rate)

    def check(self, suite: str, *, success: bool) -> None:
        """The newest checks of a suite: whether all batches held."""
        self._checks.labels(suite).set(not success)

    def drift(self, alarms: Mapping[Diagnosis, int]) -> None:
        """Alarms of the newest day; a diagnosis that is not named has none."""
        for diagnosis in Diagnosis:
            self._alarms.labels(diagnosis.value).set(alarms.get(diagnosis, 0))

    def done(self, task: str, at: datetime) -> None:
        """A task was done."""
        self._last.labels(task).set(at.timestamp())

    def failed(self, task: str) -> None:
        """A task could not be done."""
        self._failures.labels(task).inc()

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"shop_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"shop_{name}", text, labels, registry=self.registry)
