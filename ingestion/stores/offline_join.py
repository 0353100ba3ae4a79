"""The point-in-time join of plain views: which row of a table counts for whom at which instant.

Only keys and times are needed to say so: values are read afterwards, of the rows that were found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from ingestion.windows.grid import INSTANT, int64, microseconds
from ingestion.windows.keys import NOBODY, Keys
from ingestion.windows.ordering import in_order, sorted_groups

NO_LIMIT: Final = timedelta(0)
ROW: Final = "__row"
NOT_FOUND: Final = -1

Ints = NDArray[np.int64]

_NEVER: Final = np.iinfo(np.int64).min


@dataclass(frozen=True)
class Index:
    """Keys and times of a table's rows.

    Attributes:
        rows: Keys, timestamps in UTC microseconds, and the number of the row in its table, `ROW`.
        keys: Columns that together identify an entity; none: one entity for all.
        timestamp: Event time.
        created: When a row was written; of rows with equal event time the last written counts, None: the last one.
    """

    rows: pl.DataFrame
    keys: Sequence[str]
    timestamp: str
    created: str | None = None

    def of_entities(self, keys: Keys) -> "History":
        """The rows of some entities, in order; a row without key or time can never be found."""
        owners = keys.numbers(self.rows.select(self.keys), self.rows.height)
        timed = self.rows[self.timestamp]
        if timed.has_nulls():
            owners = np.where(timed.is_null().to_numpy(), NOBODY, owners)
        times = _physical(timed, 0)
        created = times if self.created is None else _physical(self.rows[self.created], _NEVER)
        order, sorted_times, bounds = in_order(owners, keys.count, times, created)
        return History(sorted_times, created, order, bounds)


@dataclass(frozen=True)
class History:
    """Rows by (entity, event time, creation, place in the table): of equal times the last one counts.

    Attributes:
        times: (rows,): event time in microseconds.
        created: When each row of the index was written.
        order: (rows,): where the row stands in the index.
        bounds: (entities + 1,): which of the rows are an entity's.
    """

    times: Ints
    created: Ints
    order: Ints
    bounds: Ints

    def steps(self, *, created_by_then: bool) -> tuple[Ints, Ints]:
        """Instants (rows,) at which something changes, sorted by entity, and which row counts from there on (rows,).

        A row that was created late never replaces one of a later time: from each creation on the newest row created
        so far counts.
        """
        everything = np.arange(len(self.times))
        if not created_by_then:
            return self.times, everything
        since = np.maximum(self.times, self.created[self.order])
        steps = sorted_groups(everything, self.bounds, since)
        return since[steps], _newest_so_far(steps, self.bounds)


def rows_as_of(
    asked: pl.DataFrame, index: Index, *, ttl: timedelta = NO_LIMIT, created_by_then: bool = False
) -> Ints:
    """Which row of the table counts at given instants; a row at exactly the instant counts.

    Args:
        asked: The index's keys and `event_timestamp` (UTC microseconds); rows may repeat, in any order.
        index: What was there when.
        ttl: Rows older than this do not count; 0: they never expire. Exactly this old is not too old.
        created_by_then: Leave out what was created after the instant.

    Returns:
        Numbers of rows, one per row of `asked`, in its order; `NOT_FOUND` where there is none.
    """
    keys = Keys(asked.select(index.keys), asked.height)
    history = index.of_entities(keys)
    since, counts = history.steps(created_by_then=created_by_then and index.created is not None)
    limit = np.iinfo(np.int64).max if ttl == NO_LIMIT else ttl // timedelta(microseconds=1)
    instants = microseconds(asked[INSTANT])
    place = _search(keys.asked, instants, history.bounds, since, counts, history.times, limit)
    found = np.full(asked.height, NOT_FOUND, dtype=np.int64)
    found[place >= 0] = _rows(index, history.order[place[place >= 0]])
    return found


def newest_rows(index: Index) -> Ints:
    """Number of the newest row of each entity, in order of the table."""
    history = index.of_entities(Keys(index.rows.select(index.keys).drop_nulls(), index.rows.height))
    filled = history.bounds[1:] > history.bounds[:-1]
    return np.sort(_rows(index, history.order[history.bounds[1:][filled] - 1]))


def _rows(index: Index, places: Ints) -> Ints:
    return int64(index.rows[ROW].gather(places))


def _physical(times: pl.Series, absent: int) -> Ints:
    return int64(times.to_physical().fill_null(absent))


@njit(cache=True, nogil=True)
def _newest_so_far(steps: Ints, bounds: Ints) -> Ints:
    newest = steps.copy()
    for entity in range(len(bounds) - 1):
        for i in range(bounds[entity] + 1, bounds[entity + 1]):
            newest[i] = max(newest[i], newest[i - 1])
    return newest


@njit(cache=True, nogil=True)
def _search(
    owners: Ints, instants: Ints, bounds: Ints, since: Ints, counts: Ints, times: Ints, limit: int
) -> Ints:
    """Which sorted row counts at each instant (questions,): that of the last step not after it; -1 for none."""
    found = np.empty(len(owners), dtype=np.int64)
    for i in range(len(owners)):
        start, stop = bounds[owners[i]], bounds[owners[i] + 1]
        first = start
        while first < stop:
            middle = (first + stop) // 2
            if since[middle] <= instants[i]:
                first = middle + 1
            else:
                stop = middle
        place = counts[first - 1] if first > start else -1
        fresh = place >= 0 and instants[i] - times[place] <= limit
        found[i] = place if fresh else -1
    return found
