"""Latest rows of windowed views: what the online store should hold at an instant."""

from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from ingestion.archive import TIMESTAMP_TYPE
from ingestion.compile import compile_view
from ingestion.stores.events import Events
from ingestion.stores.sources import Source
from ingestion.windows.asof import latest_rows
from ingestion.windows.grid import INSTANT
from ingestion.windows.spec import TIMESTAMP, ViewSpec

REVISED: Final = "__revised"

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def latest_of_windows(
    view: Any, source: Source, start: datetime, end: datetime, *, only_changed: bool, limit_bytes: int
) -> pl.DataFrame:
    """Rows of the entities of a windowed view as of an instant.

    Args:
        view: The Feast view.
        source: Archive of its events.
        start: Instant as of which the online store was right, or from which it shall be.
        end: The instant, aware, exclusive.
        only_changed: Leave out entities whose values are still those of `start`.
        limit_bytes: How much memory the events may take at once, about; more of them are read in parts.

    Returns:
        Join keys, the view's timestamp column (the entity's clock), features and `REVISED`: whether the row may differ
        from one of the same instant that was written as of `start`. An entity all of whose windows became empty before
        `start` is left out; one whose windows became empty since is there.
    """
    spec = compile_view(view)
    events = Events.of(source, [spec], start, end, limit_bytes)
    if events is None:
        return _no_rows(spec)
    since, parts = start if only_changed else None, events.parts(spec)
    rows = pl.concat(_latest(spec, events.read(spec, part, parts), since, end) for part in range(parts))
    return rows.rename({INSTANT: spec.timestamp_column})


def _latest(spec: ViewSpec, events: pl.DataFrame, since: datetime | None, end: datetime) -> pl.DataFrame:
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
    since, until = (pl.lit(instant).cast(TIMESTAMP_TYPE) for instant in (start, end))
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


def _no_rows(spec: ViewSpec) -> pl.DataFrame:
    keys = dict.fromkeys(spec.join_keys, pl.String())
    types = {**keys, spec.timestamp_column: TIMESTAMP, **spec.schema, REVISED: pl.Boolean()}
    return pl.DataFrame(schema=types)
