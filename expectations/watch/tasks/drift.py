"""Predictions and their labels against training, day by day."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from expectations.diagnosis import Diagnosis
from expectations.drift.day import Means
from expectations.drift.record import DriftDay, PerformanceDay, kept
from expectations.drift.report import judge, look
from expectations.parity.report import feature_store
from expectations.settings import QualitySettings
from expectations.watch.outcome import Outcome


def run(repo: Path, settings: QualitySettings, now: datetime) -> Outcome:
    """Look at the days that are over and were not looked at, keep the records, and tell the alarms of the newest.

    Raises:
        NoPredictionsError: nothing is archived.
        ArtefactError: the version that made a day's predictions has no reference, or is not there.
    """
    means = Means(feature_store(str(repo)), settings, now)
    for _ in look(means, ()):
        pass
    for _ in judge(means, ()):
        pass
    reports = settings.reports_dir
    days, labels = kept(DriftDay, reports), kept(PerformanceDay, reports)
    if not days and not labels:
        return Outcome(nothing="no day of predictions is over yet")
    return Outcome(alarms=newest_alarms(days, labels))


def newest_alarms(days: Sequence[DriftDay], labels: Sequence[PerformanceDay]) -> dict[Diagnosis, int]:
    """Alarms of the newest day of predictions as a whole, and of the newest day whose labels are in."""
    newest = max((one.day for one in days), default=None)
    settled = max((one.day for one in labels), default=None)
    alarms = [
        *(subject.alarm for one in days if one.day == newest for subject in one.whole.alarms),
        *(one.alarm for one in labels if one.day == settled),
    ]
    return dict(Counter(alarm.diagnosis for alarm in alarms if alarm))
