"""Folds an archive into windows: the state that a worker would have, had it never stopped."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Final

import polars as pl

from ingestion.archive import ARRIVAL
from ingestion.stream.archive_index import Listing
from ingestion.stream.clock import Clock
from ingestion.stream.group import StateGroup
from ingestion.stream.portions import PORTION_ROWS, Wanted, portions

_DAY_US: Final = 86_400_000_000
_EPOCH: Final = date(1970, 1, 1)


def fold(
    group: StateGroup,
    listing: Listing,
    clock: Clock,
    told: Callable[[int, int], None],
    *,
    portion_rows: int = PORTION_ROWS,
) -> int:
    """Take in every archived event that the group does not hold and that can still matter; returns how many.

    Fresh windows take in what happened as far before the last archived arrival, not before now, as the longest window and
    the deduplication reach: windows that became empty since then must change, too. Repeats are taken out once, then the
    units work in a pool of threads. The windows stand at most at the clock's now afterwards.

    Args:
        group: Fresh, or restored from a snapshot.
        listing: What the archive holds.
        clock: Observes the newest event; bounds how far the windows are advanced.
        told: Called with the events folded so far and about how many there are, after each portion.
        portion_rows: About how many events are held in memory at once.
    """
    wanted, done = wanted_of(group, listing), 0
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="fold") as pool:
        for rows in portions(group.topic, wanted, portion_rows):
            if rows.is_empty():
                continue
            group.fold(rows, pool)
            _advance(group, clock, _last_us(rows))
            done += rows.height
            told(done, max(done, wanted.rows))
    for state in group.units.values():
        state.counted |= listing.originals if state.anew else listing.unplaced
    return done


def wanted_of(group: StateGroup, listing: Listing) -> Wanted:
    """Which archived rows the group does not hold."""
    counted = next((state.counted for state in group.units.values()), frozenset[str]())
    lines = listing.behind(group.positions, counted)
    newest_us = listing.newest_us()
    if group.positions or newest_us is None:
        return Wanted(lines, group.positions)
    start_us = max(0, newest_us - group.topic.longest_us - group.topic.dedup_horizon_us)
    return Wanted(lines.filter(pl.col("name") >= _folder(start_us)), {}, start_us)


def _folder(us: int) -> str:
    """Names of the files of this day and of later ones are not before it."""
    return f"date={_EPOCH + timedelta(days=us // _DAY_US)}"


def _advance(group: StateGroup, clock: Clock, arrival_us: int) -> None:
    if group.lateness.newest_us is not None:
        clock.observe(group.lateness.newest_us)
    now_us = clock.now_us()
    if now_us is not None:
        group.advance(min(now_us, arrival_us))


def _last_us(rows: pl.DataFrame) -> int:
    return int(rows[ARRIVAL].to_physical()[-1])
