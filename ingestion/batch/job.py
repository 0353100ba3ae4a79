"""Writes the table of product statistics: one file per midnight, each replaced as a whole."""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import polars as pl
from feast import FeatureStore

from ingestion.archive import ARRIVAL, POSITION_TYPES, TIMESTAMP_TYPE
from ingestion.batch.statistics import COLUMNS, daily_statistics, window_start
from ingestion.folder import Folder
from ingestion.stores.sources import Source
from ingestion.windows.dedup import without_repeats
from ingestion.windows.spec import ViewSpec

VIEW: Final = "product_statistics"
EVENTS: Final = ("orders", "page_views")
DAYS_AT_ONCE: Final = 31


class ProductStatistics:
    """The table behind the view ``product_statistics`` and the archives it is computed from.

    Args:
        store: Feast's store; sources and the place of the table are read from its registry.
    """

    def __init__(self, store: FeatureStore) -> None:
        self._events = [Source(store.config, store.get_data_source(f"{name}_archive")) for name in EVENTS]
        self.table = Folder(Source(store.config, store.get_feature_view(VIEW).batch_source).url)

    def missing(self, as_of: datetime, *, again: bool = False) -> list[date]:
        """Midnights up to `as_of` (aware) to be computed, in order.

        Those after the first archived day that have no file, and the newest that has one: events that arrived before
        it may have been archived after it was computed.

        Args:
            as_of: Until when.
            again: All midnights, whether they have a file or not.
        """
        days = [day for source in self._events for day in source.archive.days()]
        if not days:
            return []
        there = set() if again else self._written()
        newest = max(there, default=None)
        midnights = _days(min(days) + timedelta(days=1), as_of.astimezone(UTC).date())
        return [day for day in midnights if day not in there or day == newest]

    def write(self, midnights: Iterable[date]) -> Iterator[tuple[date, int]]:
        """Compute and write midnights; yields each with its number of products once it is durable."""
        for some in _runs(midnights):
            orders, views = (self._read(source, some[0], some[-1]) for source in self._events)
            rows = daily_statistics(orders, views, some[0], some[-1])
            for day in some:
                of_day = rows.filter(pl.col("event_timestamp") == _midnight(day)).select(COLUMNS.keys())
                self.table.publish({f"{day}.parquet": of_day})
                yield day, of_day.height

    def _written(self) -> set[date]:
        return {date.fromisoformat(name.removesuffix(".parquet")) for name in self.table.files()}

    def _read(self, source: Source, first: date, last: date) -> pl.DataFrame:
        """Events that some midnight from `first` to `last` sees, without repeats."""
        rule = _repeats(source)
        margin = timedelta(microseconds=rule.dedup_horizon_us)
        start, end = _midnight(window_start(first)) - margin, _midnight(last)
        types: dict[str, pl.DataType] = {
            c: TIMESTAMP_TYPE if c.endswith("_timestamp") else pl.String() for c in rule.columns
        }
        types |= POSITION_TYPES
        rows = source.archive.scan(start, end, list(types), schema=types)
        return without_repeats(rows.collect(), rule)


def _repeats(source: Source) -> ViewSpec:
    """What recognises a repeated event of a source."""
    tags = source.declared.tags
    return ViewSpec(
        name=source.declared.name,
        join_keys=("product_id",),
        timestamp_column="event_timestamp",
        arrival_column=ARRIVAL,
        event_id_column=tags["event_id"],
        dedup_horizon_us=1_000_000 * int(tags["dedup_horizon_seconds"]),
        features=(),
    )


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=i) for i in range((last - first).days + 1)]


def _runs(days: Iterable[date]) -> Iterator[list[date]]:
    """Days in groups that are read together: consecutive ones, not too many."""
    run: list[date] = []
    for day in days:
        if run and (day - run[-1] != timedelta(days=1) or len(run) == DAYS_AT_ONCE):
            yield run
            run = []
        run.append(day)
    if run:
        yield run


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
