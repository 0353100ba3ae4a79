"""What a served row could know: whether events under way explain that it differs from history.

A row has a clock, the instant of which its values tell. It is right at its clock and until something changes it: an event, or
a boundary at which a window loses a tile. Let a row be read at `t`, with the clock `c`, and let `lag` be how long an event may
be under way. What arrived by ``t - lag`` must be in it, and boundaries up to then must have been passed. So it lags, and no
more than that, if history has its values

    as of  w = max(c, t - lag)      as known at some instant between  t - lag  and  t

Which instant matters only for events from before `w` that arrived in between: the instants just before their arrivals are
tried. The stream reads several partitions, and may be behind in one of them alone: where no instant fits, each partition is
tried with an instant of its own, before that of the others. If no such history fits, the same is asked as of `c`: a row that
fits then was right once, but something that arrived longer ago is missing.

::

    events      e1         e2                       e3
    read at        c                        t-lag |     | t      e3 may be missing, e2 may not
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from expectations.parity.history import (
    ARRIVED,
    BEHIND,
    BEHIND_KNOWN,
    KNOWN,
    PARTITION,
    arrivals,
    of_view,
)
from expectations.parity.plan import StoredView
from expectations.parity.record import Standing
from expectations.parity.values import equal
from expectations.served import RECORD, TIME

CLOCK: Final = "row_timestamp"
_SINCE, _INSTANT, _FITS = "__since", "__instant", "__fits"
_MOST: Final = 256
"""Instants that are tried for one row, and as many pairs of them."""
_STEP: Final = pl.duration(microseconds=1)


@dataclass(frozen=True)
class Tolerated:
    """How long something may be on its way to what is served.

    Attributes:
        events: An event until it is in the windows of the online store.
        tables: A row of a table until it is materialized.
    """

    events: timedelta
    tables: timedelta

    def of(self, view: StoredView) -> timedelta:
        """What holds for a view."""
        return self.tables if view.reach is None else self.events


def standings(store: Any, view: StoredView, rows: pl.DataFrame, tolerated: Tolerated) -> pl.DataFrame:
    """How the values of rows stand to history that are not equal to it as served.

    Args:
        store: A ``feast.FeatureStore``.
        view: The view.
        rows: `RECORD`, join keys, `TIME` (when they were read), `CLOCK` and the served features.
        tolerated: How long something may be on its way.

    Returns:
        `RECORD` and a column per feature with a `Standing` other than equal.
    """
    start = pl.col(TIME) - tolerated.of(view)
    lagging = _explained(store, view, rows, pl.max_horizontal(pl.col(CLOCK).fill_null(start), start), start)
    has_clock = rows.filter(pl.col(CLOCK).is_not_null()).join(
        _unexplained(lagging, view), on=RECORD, how="semi"
    )
    stale = _explained(store, view, has_clock, pl.col(CLOCK), pl.col(CLOCK))
    both = lagging.join(stale, on=RECORD, how="left", suffix=_FITS, maintain_order="left")
    return both.select(
        RECORD,
        *(
            pl.when(name)
            .then(pl.lit(Standing.LAGGING.value))
            .when(name + _FITS)
            .then(pl.lit(Standing.STALE.value))
            .otherwise(pl.lit(Standing.DIFFERENT.value))
            .alias(name)
            for name in view.features
        ),
    )


def _explained(
    store: Any, view: StoredView, rows: pl.DataFrame, instant: pl.Expr, since: pl.Expr
) -> pl.DataFrame:
    """`RECORD`, and per feature whether history has the served value as of `instant`, as known at `TIME` or since `since`."""
    asked = rows.with_columns(instant.alias(_INSTANT), since.alias(_SINCE), pl.col(TIME).alias(KNOWN))
    found = _fitting(store, view, asked)
    left = asked.join(_unexplained(found, view), on=RECORD, how="semi")
    came = _under_way(store, view, left)
    for tried in (_earlier, _behind):
        if came.is_empty():
            break
        found = _best(pl.concat([found, _fitting(store, view, tried(came, left))]), view)
        came = came.join(_unexplained(found, view), on=RECORD, how="semi")
    return found


def _fitting(store: Any, view: StoredView, asked: pl.DataFrame) -> pl.DataFrame:
    """`RECORD`, and per feature whether the served value is history's."""
    if asked.is_empty():
        return pl.DataFrame(
            schema={RECORD: asked.schema[RECORD], **dict.fromkeys(view.features, pl.Boolean())}
        )
    known = of_view(store, view, asked.with_columns(pl.col(_INSTANT).alias(TIME)))
    fits = [equal(asked[name], known[name]).alias(name) for name in view.features]
    return pl.DataFrame([asked[RECORD], *fits])


def _best(found: pl.DataFrame, view: StoredView) -> pl.DataFrame:
    """Of each record the row in which most features fit, the first of equals: the values of a row are of one moment."""
    fitting = found.with_columns(pl.sum_horizontal(pl.col(list(view.features)).cast(pl.Int32)).alias(_FITS))
    in_order = fitting.sort(RECORD, _FITS, descending=[False, True], maintain_order=True)
    return in_order.unique(RECORD, keep="first", maintain_order=True).drop(_FITS)


def _unexplained(found: pl.DataFrame, view: StoredView) -> pl.DataFrame:
    return found.filter(~pl.all_horizontal(list(view.features))).select(RECORD)


def _under_way(store: Any, view: StoredView, asked: pl.DataFrame) -> pl.DataFrame:
    """`RECORD`, `ARRIVED` and `PARTITION` of each event that a row may lack: it came since then and is older than the instant."""
    if asked.is_empty() or view.reach is None:
        return pl.DataFrame(
            schema={RECORD: asked.schema[RECORD], ARRIVED: asked.schema[TIME], PARTITION: pl.Int64()}
        )
    events = arrivals(store, view, _instant(asked[_INSTANT].min()), _instant(asked[_INSTANT].max()))
    came = events.filter(pl.col(ARRIVED) > asked[_SINCE].min(), pl.col(ARRIVED) <= asked[TIME].max())
    pairs = asked.join(came.rename({TIME: "happened"}), on=list(view.keys))
    missing = pairs.filter(
        pl.col(ARRIVED) > pl.col(_SINCE),
        pl.col(ARRIVED) <= pl.col(TIME),
        pl.col("happened") < pl.col(_INSTANT),
    )
    return missing.select(RECORD, ARRIVED, PARTITION).sort(ARRIVED)


def _earlier(came: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The rows as known just before each of the events came."""
    before = came.select(RECORD, (pl.col(ARRIVED) - _STEP).alias(KNOWN))
    return asked.drop(KNOWN).join(_first(before), on=RECORD)


def _behind(came: pl.DataFrame, asked: pl.DataFrame) -> pl.DataFrame:
    """The rows as known just before each of the events came in its partition, and later, or in time, in the others."""
    known = pl.col(ARRIVED) - _STEP
    here = came.drop_nulls(PARTITION).select(
        RECORD, pl.col(PARTITION).alias(BEHIND), known.alias(BEHIND_KNOWN)
    )
    in_time = here.join(asked.select(RECORD, KNOWN), on=RECORD)
    later = here.join(came.select(RECORD, PARTITION, known.alias(KNOWN)), on=RECORD).filter(
        pl.col(PARTITION) != pl.col(BEHIND), pl.col(KNOWN) > pl.col(BEHIND_KNOWN)
    )
    return asked.drop(KNOWN).join(_first(pl.concat([in_time, later.select(in_time.columns)])), on=RECORD)


def _first(tried: pl.DataFrame) -> pl.DataFrame:
    return tried.group_by(RECORD, maintain_order=True).head(_MOST)


def _instant(value: Any) -> datetime:
    assert isinstance(value, datetime)  # noqa: S101  there are rows
    return value
