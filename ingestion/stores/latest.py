"""Latest rows of windowed views: what the online store should hold at an instant."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from ingestion.compile import compile_view
from ingestion.stores.events import Events
from ingestion.stores.sources import Source
from ingestion.windows.grid import INSTANT
from ingestion.windows.revised import REVISED, latest_of_events
from ingestion.windows.spec import TIMESTAMP, ViewSpec


def latest_of_windows(
    view: Any,
    source: Source,
    start: datetime,
    end: datetime,
    *,
    only_changed: bool,
    as_known: bool = True,
    limit_bytes: int,
) -> pl.DataFrame:
    """Rows of the entities of a windowed view as of an instant.

    Args:
        view: The Feast view.
        source: Archive of its events.
        start: Instant as of which the online store was right, or from which it shall be.
        end: The instant, aware, exclusive.
        only_changed: Leave out entities whose values are still those of `start`.
        as_known: Count an event only where it had arrived by `end`.
        limit_bytes: How much memory the events may take at once, about; more of them are read in parts.

    Returns:
        Join keys, the view's timestamp column (the entity's clock), features and `REVISED`: whether the row may differ
        from one of the same instant that was written as of `start`. An entity all of whose windows became empty before
        `start` is left out; one whose windows became empty since is there.
    """
    spec = compile_view(view)
    events = Events.of(source, [spec], start, end, limit_bytes)
    if events is None:
        return no_rows(spec)
    since, parts = start if only_changed else None, events.parts(spec)
    told = spec if as_known else replace(spec, arrival_column=None)
    rows = pl.concat(
        latest_of_events(told, events.read(spec, part, parts), since, end) for part in range(parts)
    )
    return rows.rename({INSTANT: spec.timestamp_column})


def no_rows(spec: ViewSpec) -> pl.DataFrame:
    """What `latest_of_windows` returns where nothing was ever archived."""
    keys = dict.fromkeys(spec.join_keys, pl.String())
    types = {**keys, spec.timestamp_column: TIMESTAMP, **spec.schema, REVISED: pl.Boolean()}
    return pl.DataFrame(schema=types)
