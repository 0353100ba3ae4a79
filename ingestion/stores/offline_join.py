"""The point-in-time join of plain views: each row gets the newest values that were there at its instant. Pure polars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl

INSTANT: Final = "event_timestamp"
NO_LIMIT: Final = timedelta(0)

_SOURCE, _ROW, _FROM, _POSITION = "__source", "__row", "__from", "__position"


@dataclass(frozen=True)
class History:
    """Rows of a table with the meaning of their columns.

    Attributes:
        rows: Keys, timestamps and values, in any order; timestamps in UTC microseconds.
        keys: Columns that together identify an entity; none: one entity for all.
        timestamp: Event time.
        created: When a row was written; of rows with equal event time the last written counts, None: the last read.
    """

    rows: pl.DataFrame
    keys: Sequence[str]
    timestamp: str
    created: str | None = None

    @property
    def values(self) -> list[str]:
        """Names of all other columns, in order."""
        return [c for c in self.rows.columns if c not in {*self.keys, self.timestamp, self.created}]

    def in_order(self) -> pl.DataFrame:
        """Keys and times of the rows that can be found, the one that counts last among equal times.

        `__source` is the number of the row in `rows`, `__row` its number in this order. The values stay where they
        are: only those that are found are ever moved.
        """
        times = [self.timestamp, *([self.created] if self.created else [])]
        return (
            self.rows.select(*self.keys, *times)
            .with_row_index(_SOURCE)
            .drop_nulls([*self.keys, self.timestamp])
            .sort(times, maintain_order=True, nulls_last=False)
            .with_row_index(_ROW)
        )


def join_as_of(
    asked: pl.DataFrame, history: History, *, ttl: timedelta = NO_LIMIT, created_by_then: bool = False
) -> pl.DataFrame:
    """Values at given instants; a row at exactly the instant counts.

    Args:
        asked: The history's keys and `event_timestamp` (UTC microseconds); rows may repeat, in any order.
        history: What was there when.
        ttl: Values older than this are null; 0: they never expire. Exactly this old is not too old.
        created_by_then: Leave out what was created after the instant.

    Returns:
        The value columns, one row per row of `asked`, in its order.
    """
    ordered = history.in_order()
    steps = (
        _steps_as_created(ordered, history)
        if created_by_then and history.created
        else _steps(ordered, history)
    )
    questions = asked.select(*history.keys, INSTANT).with_row_index(_POSITION).sort(INSTANT)
    found = questions.join_asof(
        steps,
        left_on=INSTANT,
        right_on=_FROM,
        by=list(history.keys) or None,
        strategy="backward",
        check_sortedness=False,
    ).sort(_POSITION)
    row = found.select(pl.when(_fresh(found, ordered[history.timestamp], ttl)).then(pl.col(_ROW)))[_ROW]
    return history.rows.select(pl.col(history.values).gather(ordered[_SOURCE].gather(row)))


def latest_per_key(history: History) -> pl.DataFrame:
    """The newest row of each entity, all columns, in order of time."""
    ordered = history.in_order()
    newest = (
        ordered.unique(history.keys, keep="last", maintain_order=True) if history.keys else ordered.tail(1)
    )
    return history.rows.select(pl.all().gather(newest[_SOURCE]))


def _steps(ordered: pl.DataFrame, history: History) -> pl.DataFrame:
    """Keys, instant from which a row counts, and the row; sorted by instant."""
    return ordered.select(*history.keys, pl.col(history.timestamp).alias(_FROM), _ROW)


def _steps_as_created(ordered: pl.DataFrame, history: History) -> pl.DataFrame:
    """As `_steps` where a row counts only once it is created.

    A row that was created late never replaces one of a later time: from each creation on the newest row created so
    far counts, the running maximum of the row numbers, which follow the order of time.
    """
    steps = ordered.select(
        *history.keys, pl.max_horizontal(history.timestamp, history.created).alias(_FROM), _ROW
    ).sort(_FROM, _ROW)
    newest = pl.col(_ROW).cum_max()
    return steps.with_columns(newest.over(*history.keys) if history.keys else newest)


def _fresh(found: pl.DataFrame, times: pl.Series, ttl: timedelta) -> pl.Expr:
    if ttl == NO_LIMIT:
        return pl.lit(value=True)
    return pl.lit(times.gather(found[_ROW])) + ttl >= pl.col(INSTANT)
