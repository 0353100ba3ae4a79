"""Freshness from history alone: for how long something had been missing in what was served.

Of a view's row with the clock `c` that was read at `t`, the oldest event (or row of a table) from `c` on that had arrived by `t`
is looked for: so long it was not in what was served. Where there is none the row was fresh, whatever its age.
"""

from typing import Any, Final

import polars as pl

from expectations.freshness.objective import SCHEMA
from expectations.parity.history import ARRIVED, arrivals
from expectations.parity.lag import CLOCK
from expectations.parity.plan import StoredView
from expectations.served import KEYS, RECORD, TIME, views

_AWAITED: Final = "__awaited"


def observations(store: Any, view: StoredView, records: pl.DataFrame) -> pl.DataFrame:
    """An observation for each record that read the view from the online store.

    Args:
        store: A ``feast.FeatureStore``.
        view: The view.
        records: Of `ServedLog.read`, with join keys and views.
    """
    used = views(records).filter(pl.col("view") == view.name, pl.col("view_rung") == "live")
    rows = used.select(RECORD, CLOCK).join(records.select(RECORD, TIME, *_keys(view)), on=RECORD)
    asked = rows.drop_nulls([CLOCK, *_keys(view)])
    if asked.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    seconds = (_missing_since(store, view, asked).dt.total_microseconds() / 1e6).clip(lower_bound=0)
    return pl.DataFrame(
        {"view": view.name, "at": asked[TIME], "low": seconds, "high": seconds, "count": 1}
    ).cast(
        dict(SCHEMA)  # type: ignore[arg-type]  # of column names
    )


def _missing_since(store: Any, view: StoredView, asked: pl.DataFrame) -> pl.Series:
    """For how long each row has missed something; zero where it misses nothing."""
    first, last = asked[CLOCK].min(), asked[TIME].max()
    assert first is not None  # noqa: S101  there are rows
    assert last is not None  # noqa: S101
    came = arrivals(store, view, first, last)  # type: ignore[arg-type]  # datetimes
    # A window's clock is behind its newest event, a table's row has its own time.
    after = pl.col(CLOCK) if view.reach is not None else pl.col(CLOCK) + pl.duration(microseconds=1)
    pairs = (
        asked.with_row_index(_AWAITED)
        .with_columns(after)
        .sort(CLOCK)
        .join_asof(
            came.sort(TIME).rename({TIME: "happened"}),
            left_on=CLOCK,
            right_on="happened",
            by=_keys(view) or None,
            strategy="forward",
            check_sortedness=False,
        )
        .sort(_AWAITED)
    )
    is_missing = (pl.col("happened") < pl.col(TIME)) & (pl.col(ARRIVED) <= pl.col(TIME))
    since = pl.max_horizontal("happened", ARRIVED) if view.reach is None else pl.col("happened")
    found = pairs.select(pl.when(is_missing).then(pl.col(TIME) - since).otherwise(pl.duration()))
    return found.to_series()


def _keys(view: StoredView) -> list[str]:
    return [key for key in view.keys if key in KEYS]
