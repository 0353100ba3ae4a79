"""What `python -m expectations drift` does: look at days, keep what was found, and tell the alarms."""

import argparse
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from artefact import ArtefactError
from expectations.diagnosis import Alarm, Diagnosis
from expectations.drift.day import Look, Means, Version
from expectations.drift.labels import day_outcomes, settled_at
from expectations.drift.performance import Judged, performance
from expectations.drift.record import DriftDay, PerformanceDay, keep, kept
from expectations.parity.report import feature_store
from expectations.reports import utc_now
from expectations.served import NoPredictionsError
from expectations.settings import QualitySettings

MODEL: Final = "fraud"
"""The model whose inputs are features of what is judged, and whose labels come in."""
NOTHING: Final = 2
_DAY: Final = timedelta(days=1)
Told = Callable[[], None]
Record = TypeVar("Record")


def look_and_tell(options: argparse.Namespace, console: Console) -> int:
    """Look at days and print what was found; 0: no alarm, 1: alarms, 2: there was nothing to look at."""
    settings = QualitySettings()
    means = Means(feature_store(str(options.repo)), settings, utc_now())
    try:
        drifts = list(_with_progress(console, look, means, options.day))
    except (NoPredictionsError, ArtefactError) as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return NOTHING
    performances = list(_with_progress(console, judge, means, options.day))
    if not drifts and not performances:
        console.print("nothing to look at: every day that is over was looked at; --day looks again")
        return NOTHING
    console.print(_table(drifts, performances))
    alarms = list(alarms_of(drifts, performances))
    for line in alarms:
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    return 1 if alarms else 0


def look(means: Means, days: Collection[date], after: Told = lambda: None) -> Iterator[DriftDay]:
    """Hold days of predictions against training, and keep the records.

    Args:
        means: What they are looked at with.
        days: Which; none: those that are over and have no record yet.
        after: Called after each day.

    Raises:
        NoPredictionsError: nothing is archived.
        ArtefactError: the version that made them has no reference, or is not there.
    """
    load = cache(partial(_version, means))
    for start in _asked(means, days, {record.day for record in kept(DriftDay, means.settings.reports_dir)}):
        found = Look(means, MODEL, start, load)
        if not found.is_empty:
            record = found.result()
            keep(record, means.settings.reports_dir)
            yield record
        after()


def judge(means: Means, days: Collection[date], after: Told = lambda: None) -> Iterator[PerformanceDay]:
    """Hold the labels of days against the scores, and keep the records; arguments as for `look`.

    Days whose labels have not had time to arrive are left out.
    """
    settings, now = means.settings, means.now
    drifts = {record.day: record for record in kept(DriftDay, settings.reports_dir)}
    done = {record.day for record in kept(PerformanceDay, settings.reports_dir)}
    load = cache(partial(_version, means))
    for start in _asked(means, days, done):
        day = start.date()
        today = day_outcomes(settings, MODEL, day) if settled_at(day, settings) <= now else None
        if today is not None and today.rows.height:
            version = today.rows["version"].mode().sort()[0]
            judged = Judged(MODEL, day, settled_at(day, settings), today, load(version).outcomes)
            record = performance(judged, settings, _diagnosis(drifts.get(day)), now)
            keep(record, settings.reports_dir)
            yield record
        after()


def alarms_of(drifts: Collection[DriftDay], performances: Collection[PerformanceDay]) -> Iterator[str]:
    """A line per alarm."""
    for drift in drifts:
        for interval in (drift.whole, *drift.hours):
            for subject in interval.alarms:
                if subject.alarm:
                    yield f"{interval.start:%F %R} {subject.subject}: {_told(subject.alarm)}"
    for one in performances:
        if one.alarm:
            yield f"{one.day} labels of {one.orders:,} orders: {_told(one.alarm)}"


def _told(alarm: Alarm) -> str:
    return f"{', '.join(alarm.measures).replace('_', ' ')} ({alarm.diagnosis}): {alarm.why}"


def _version(means: Means, name: str) -> Version:
    return Version.load(means, MODEL, name.partition("@")[2])


def _asked(means: Means, days: Collection[date], done: Collection[date]) -> list[datetime]:
    """Midnights of the days that are to be looked at."""
    starts = [datetime(start.year, start.month, start.day, tzinfo=UTC) for start, _ in means.log.days()]
    if days:
        return [start for start in starts if start.date() in days]
    return [start for start in starts if start.date() not in done and start + _DAY <= means.now]


def _diagnosis(drift: DriftDay | None) -> Diagnosis:
    """What most alarms of a day are; labels tell no pipeline from the world by themselves."""
    told = [one.alarm.diagnosis for one in drift.whole.alarms if one.alarm] if drift else []
    return max(sorted(set(told)), key=told.count, default=Diagnosis.WORLD)


def _with_progress(
    console: Console,
    work: Callable[[Means, Collection[date], Told], Iterator[Record]],
    means: Means,
    days: Collection[date],
) -> Iterator[Record]:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("looking at days", total=None)
        yield from work(means, days, lambda: progress.advance(task))


def _table(drifts: Collection[DriftDay], performances: Collection[PerformanceDay]) -> Table:
    table = Table("day", "version", title=f"Predictions of {MODEL} against training")
    for name in (
        "predictions",
        "subjects judged",
        "alarms",
        "of hours",
        "orders settled",
        "charged back",
        "AUC",
    ):
        table.add_column(name, justify="right")
    judged = {one.day: one for one in performances}
    drifted = {one.day: one for one in drifts}
    for day in sorted({*judged, *drifted}):
        table.add_row(
            str(day), *_drift_cells(drifted.get(day), judged.get(day)), *_label_cells(judged.get(day))
        )
    return table


def _drift_cells(drift: DriftDay | None, judged: PerformanceDay | None) -> tuple[str, ...]:
    if drift is None:
        return (judged.version if judged else "", "", "", "", "")
    subjects = [one for one in drift.whole.subjects if not one.skipped]
    return (
        drift.version,
        f"{drift.whole.rows:,}",
        str(len(subjects)),
        str(len(drift.whole.alarms)),
        str(sum(len(hour.alarms) for hour in drift.hours)),
    )


def _label_cells(judged: PerformanceDay | None) -> tuple[str, ...]:
    if judged is None:
        return "", "", ""
    return f"{judged.orders:,}", str(judged.positives), f"{judged.auc.value:.3f}" if judged.auc else ""
