"""Folds an archive into fresh windows: the state that a worker would have, had it never stopped."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import polars as pl

from ingestion.archive import ARRIVAL, Archive
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock
from ingestion.stream.windows import TopicWindows

PORTION_ROWS: Final = 200_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def fold(topic: EventTopic, windows: TopicWindows, clock: Clock, told: Callable[[int, int], None]) -> int:
    """Take in every archived event that can still matter; returns how many.

    That is as far before the last archived arrival, not before now, as the longest window and the deduplication reach:
    windows that became empty since then must change, too. The windows stand at most at the clock's now afterwards.

    Args:
        topic: Whose archive is read.
        windows: Fresh windows of the topic.
        clock: Observes the newest event; bounds how far the windows are advanced.
        told: Called with the events folded so far and all of them, after each portion.
    """
    newest_us = _newest_arrival_us(topic.archive) if topic.specs else None
    if newest_us is None:
        return 0
    start = EPOCH + timedelta(microseconds=max(0, newest_us - topic.longest_us - topic.dedup_horizon_us))
    events = _in_arrival_order(topic, start)
    for done in range(0, events.height, PORTION_ROWS):
        portion = events.slice(done, PORTION_ROWS)
        windows.update(portion)
        _advance(windows, clock, _last_us(portion, ARRIVAL))
        told(done + portion.height, events.height)
    return events.height


def _in_arrival_order(topic: EventTopic, start: datetime) -> pl.DataFrame:
    """Only the columns that windows read: the whole of it is held in memory, once."""
    return topic.archive.scan(start, None, topic.columns).sort(ARRIVAL, "_partition", "_offset").collect()


def _advance(windows: TopicWindows, clock: Clock, arrival_us: int) -> None:
    if windows.lateness.newest_us is not None:
        clock.observe(windows.lateness.newest_us)
    now_us = clock.now_us()
    if now_us is not None:
        windows.advance(min(now_us, arrival_us))


def _newest_arrival_us(archive: Archive) -> int | None:
    if not archive.days():
        return None
    newest = archive.scan(None, None, [ARRIVAL]).select(pl.col(ARRIVAL).max().to_physical()).collect().item()
    return None if newest is None else int(newest)


def _last_us(events: pl.DataFrame, column: str) -> int:
    return int(events[column].to_physical()[-1])
