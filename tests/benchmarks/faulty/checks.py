"""Runs every check of trust over one day of a data folder, as the commands do, and says which of them raised an alarm."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from expectations.archive import check_partitions
from expectations.check_diagnosis import of_checks, of_parity
from expectations.checking import CheckResult
from expectations.days import partitions
from expectations.definitions import event_names
from expectations.diagnosis import Diagnosis
from expectations.drift.day import Means
from expectations.drift.record import DriftDay, PerformanceDay
from expectations.drift.report import judge, look
from expectations.parity.meter import Question, measure
from expectations.parity.report import tolerated
from expectations.reports import Reports
from expectations.served import ServedLog
from expectations.settings import QualitySettings

DAY = timedelta(days=1)


class Check(StrEnum):
    """Who raises an alarm."""

    QUALITY = "quality suite"
    PARITY = "parity"
    DRIFT = "drift"
    LABELS = "labels"


@dataclass(frozen=True)
class Raised:
    """An alarm of one check about one day.

    Attributes:
        check: Who raised it.
        diagnosis: What it says happened.
        what: Its figures, in short.
    """

    check: Check
    diagnosis: Diagnosis
    what: str


@dataclass(frozen=True)
class Looked:
    """Checks of a day.

    Attributes:
        alarms: Those that were raised.
        made: How many single checks each made: expectations, parity of the service, features and scores, labels.
        failed: How many of them failed.
    """

    alarms: tuple[Raised, ...]
    made: Counter[Check]
    failed: Counter[Check]

    @classmethod
    def of(cls, check: Check, alarms: Sequence[Raised], made: int, failed: int) -> Self:
        """Of one check."""
        return cls(tuple(alarms), Counter({check: made}), Counter({check: failed}))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All parts."""
        alarms = tuple(alarm for part in parts for alarm in part.alarms)
        return cls(alarms, sum((p.made for p in parts), Counter()), sum((p.failed for p in parts), Counter()))


class Day:
    """One day of a data folder.

    Args:
        store: Over the folder.
        data: The folder.
        day: The day.
        now: The present: late enough for the labels of the day, if these are to be looked at.
    """

    def __init__(self, store: Any, data: Path, day: date, now: datetime) -> None:
        self._settings = QualitySettings(data_dir=data)
        self._means = Means(store, self._settings, now)
        self._day, self._start = day, datetime.combine(day, time(), UTC)

    def look(self, *, labels: bool = False) -> Looked:
        """Run the checks; with `labels` only those of labels, since their orders were looked at long before."""
        parts = [self._labels()] if labels else [self._quality(), self._parity(), self._drift()]
        return Looked.joined(parts)

    def _quality(self) -> Looked:
        found = partitions(self._settings, event_names(self._means.store), [self._day])
        reports = Reports(self._settings, lambda: self._means.now)
        checked = check_partitions(
            self._means.store, found, self._settings, reports, clock=lambda: self._means.now
        )
        results = [result for _, result in checked]
        diagnosis = of_checks(results)
        checks = sum(result.statistics["evaluated_expectations"] for result in results)
        failed = sum(len(result.failures) for result in results)
        alarms = [Raised(Check.QUALITY, diagnosis, _failures(results))] if diagnosis else []
        return Looked.of(Check.QUALITY, alarms, checks, failed)

    def _parity(self) -> Looked:
        (service,) = measure(
            self._means.store,
            ServedLog(self._settings.predictions_url),
            Question(["fraud_v1"], self._start, self._start + DAY, None),
            tolerated(self._settings),
            now=lambda: self._means.now,
        ).services
        diagnosis = of_parity(service, self._settings)
        what = f"{service.different:,} different, {service.stale:,} stale, {service.lagging:,} late of {service.compared:,}"
        alarms = [Raised(Check.PARITY, diagnosis, what)] if diagnosis else []
        return Looked.of(Check.PARITY, alarms, 1, len(alarms))

    def _drift(self) -> Looked:
        (record,) = look(self._means, [self._day])
        judged = [s for i in (record.whole, *record.hours) for s in i.subjects if not s.skipped]
        alarmed = sum(subject.alarm is not None for subject in judged)
        return Looked.of(Check.DRIFT, list(_of_drift(record)), len(judged), alarmed)

    def _labels(self) -> Looked:
        records = list(judge(self._means, [self._day]))
        alarms = [_of_labels(record) for record in records if record.alarm]
        return Looked.of(Check.LABELS, alarms, len(records), len(alarms))


def _of_drift(record: DriftDay) -> Iterator[Raised]:
    for interval in (record.whole, *record.hours):
        for subject in interval.alarms:
            if subject.alarm:
                yield Raised(
                    Check.DRIFT, subject.alarm.diagnosis, f"{subject.subject} {subject.alarm.measures}"
                )


def _of_labels(record: PerformanceDay) -> Raised:
    assert record.alarm is not None
    return Raised(Check.LABELS, record.alarm.diagnosis, record.alarm.why)


def _failures(results: list[CheckResult]) -> str:
    return ", ".join(f"{result.suite}: {failure.column}" for result in results for failure in result.failures)
