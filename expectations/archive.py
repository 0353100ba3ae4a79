"""Checks of the event archive: batches of one event type, each a day or a run of days.

A batch of rows is held to the suite of its event type, and a day besides to what the days before let expect of it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache

import polars as pl

from expectations.broken import with_broken_rows
from expectations.checking import CheckResult, check
from expectations.days import Partition, partitions
from expectations.definitions import Store, event_definition, event_names
from expectations.history import History
from expectations.place import parquet_files, scan
from expectations.quarantine import put_aside
from expectations.reports import Reports, utc_now
from expectations.settings import QualitySettings
from expectations.shop import REFERENCES
from expectations.suites import BatchFacts, day_suite, event_suite


def check_partitions(
    store: Store,
    found: Collection[Partition],
    settings: QualitySettings,
    reports: Reports,
    after_each: Callable[[], None] = lambda: None,
    clock: Callable[[], datetime] = utc_now,
) -> Iterator[tuple[Partition, CheckResult]]:
    """Hold each batch to its suites and keep the results; a failing batch does not stop the next.

    Yields a result for the rows of each batch and, where it is one day, one for the day beside those before it.
    """
    known, now = known_keys(settings), clock()
    history = cache(lambda event: history_of(store, event, settings, now))
    for partition in found:
        frame = partition.read()
        suite = event_suite(store, partition.event, settings, _facts(partition, frame.height, known))
        checked = check(frame, suite, examples=settings.failure_examples)
        reports.keep(checked, suite, partition.name)
        result = with_broken_rows(frame, suite, checked, settings.quarantine_rows_max)
        put_aside(settings, frame, result, partition.name, now, whole=False)
        yield partition, result
        if partition.first == partition.last:
            yield partition, _check_day(history(partition.event), partition, frame, reports)
        after_each()


def history_of(store: Store, event: str, settings: QualitySettings, now: datetime) -> History:
    """The archived days of an event type, beside which a day is looked at.

    Raises:
        UnknownDefinitionError: the registry has no such event type.
    """
    events = event_definition(store, event)
    others = {event_definition(store, name).event_id: name for name in event_names(store) if name != event}
    referred = {c.name: partitions(settings, [others[c.name]]) for c in events.columns if c.name in others}
    return History(events, partitions(settings, [event]), settings, now, referred)


def _check_day(history: History, partition: Partition, frame: pl.DataFrame, reports: Reports) -> CheckResult:
    figures = history.figures(partition.first, frame)
    suite = day_suite(partition.event, figures)
    checked = check(pl.DataFrame({figure.name: [figure.value] for figure in figures}), suite, examples=1)
    failures = [replace(failure, examples=[]) for failure in checked.failures]
    result = replace(checked, rows=frame.height, failures=failures)
    reports.keep(result, suite, partition.name)
    return result


def known_keys(settings: QualitySettings) -> dict[str, set[str]]:
    """Values that the shop's tables name, for the columns of events that refer to them and the tables that exist."""
    folders = {column: f"{settings.tables_url}/{table}" for column, table in REFERENCES.items()}
    return {
        column: set(scan(files).select(column).collect()[column])
        for column, folder in folders.items()
        if (files := parquet_files(folder))
    }


def _facts(partition: Partition, rows: int, known: Mapping[str, Collection[str]]) -> BatchFacts:
    return BatchFacts(start=partition.start, end=partition.end, known_keys=known, rows=rows)
