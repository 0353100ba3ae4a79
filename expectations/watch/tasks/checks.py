"""The newest days of the event archive against their suites."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from expectations.archive import check_partitions
from expectations.days import Partition, partitions
from expectations.definitions import event_names
from expectations.kept import KeptCheck
from expectations.parity.report import feature_store
from expectations.reports import Reports
from expectations.settings import QualitySettings
from expectations.watch.outcome import Outcome

_DAYS: Final = 2
"""The day that goes on, and the one before until it was seen whole."""


def run(repo: Path, settings: QualitySettings, now: datetime) -> Outcome:
    """Check them, keep the results, and build the reports."""
    store, reports = feature_store(str(repo)), Reports(settings)
    archived = partitions(settings, event_names(store))
    if not archived:
        return Outcome(nothing=f"no events in {settings.archive_url}")
    due = due_days(archived, reports.kept(), timedelta(minutes=settings.settle_minutes))
    held: dict[str, bool] = {}
    for _, result in check_partitions(store, due, settings, reports, clock=lambda: now):
        held[result.suite] = held.get(result.suite, True) and result.success
    if due:
        reports.build()
    return Outcome(checks=held)


def due_days(
    archived: Sequence[Partition], kept: Collection[KeptCheck], settling: timedelta
) -> list[Partition]:
    """The newest two days of each event type, without those that were checked when they were over.

    Args:
        archived: Days in the order of events and days.
        kept: Checks that were made.
        settling: How long after its end a day may still get events that were on their way.
    """
    checked = {(one.suite, one.batch): datetime.fromisoformat(one.time) for one in reversed(list(kept))}
    newest = (day for _, days in groupby(archived, key=lambda day: day.event) for day in list(days)[-_DAYS:])
    never = datetime.min.replace(tzinfo=UTC)
    return [
        day for day in newest if checked.get((f"events-{day.event}", day.name), never) < day.end + settling
    ]
