"""Latest rows of entities, and which of them say something new since an instant at which they were written."""

from datetime import datetime, timedelta
from typing import Final

import polars as pl

from ingestion.windows.asof import latest_rows
from ingestion.windows.grid import INSTANT
from ingestion.windows.spec import TIMESTAMP, ViewSpec

REVISED: Final = "__revised"

_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def latest_of_events(
    spec: ViewSpec, events: pl.DataFrame, since: datetime | None, end: datetime
) -> pl.DataFrame:
    """Rows of the entities of some events as of an instant, with `REVISED`; since another one, those that changed."""
    rows = latest_rows(spec, events, (end - _EPOCH) // timedelta(microseconds=1))
    if since is None:
        return rows.with_columns(pl.lit(value=True).alias(REVISED))
    return _changed(spec, events, rows, since, end)


def _changed(
    spec: ViewSpec, events: pl.DataFrame, rows: pl.DataFrame, start: datetime, end: datetime
) -> pl.DataFrame:
    """Entities whose clock moved since `start`, and those of which an event arrived until `end`, however old it is.

    Only the latter are revised: an event that arrives late changes the value of an instant that is past.
    """
    since, until = (pl.lit(instant).cast(TIMESTAMP) for instant in (start, end))
    arrival = pl.col(spec.arrival_column or spec.timestamp_column)
    touched = events.filter(arrival >= since, arrival <= until).select(spec.join_keys).unique()
    return (
        rows.join(
            touched.with_columns(pl.lit(value=True).alias(REVISED)),
            on=list(spec.join_keys),
            how="left",
            maintain_order="left",
        )
        .with_columns(pl.col(REVISED).fill_null(value=False))
        .filter((pl.col(INSTANT) >= since) | pl.col(REVISED))
    )
