"""Clocks of online rows: the instant that the row of an entity tells, as the stream worker would have written it."""

from typing import Any

import polars as pl

from ingestion.archive import ARRIVAL
from ingestion.compile import compile_view
from ingestion.windows.spec import TIMESTAMP

TIME = "event_timestamp"
CLOCK = "clock"


def window_clocks(view: Any, events: pl.DataFrame, asked: pl.DataFrame) -> pl.Series:
    """The clocks at the instants of rows.

    An entity's clock is just after its newest event, or the last boundary at which one of its windows lost a tile; it is
    known when the event has arrived and the boundary has passed.

    Args:
        view: A windowed Feast view.
        events: What the stream worker took in.
        asked: Join keys and `TIME`.

    Returns:
        An instant per row of `asked`; null: there is no row yet.
    """
    spec = compile_view(view)
    keys = list(spec.join_keys)
    time, arrival = pl.col(spec.timestamp_column).cast(pl.Int64), pl.col(ARRIVAL).cast(pl.Int64)
    moves = [(arrival, time + 1)]
    for window, hop in spec.windows:
        loss = time // hop * hop + window
        moves.append((pl.max_horizontal(loss, arrival), loss))
    known = pl.concat(
        [events.select(*keys, since.alias("since"), clock.alias(CLOCK)) for since, clock in moves]
    )
    in_order = known.sort("since").with_columns(pl.col(CLOCK).cum_max().over(keys))
    return _as_of(asked, in_order, keys)


def table_clocks(view: Any, rows: pl.DataFrame, asked: pl.DataFrame) -> pl.Series:
    """The clocks of a table's rows: their own time, from then on."""
    keys, time = list(view.join_keys), pl.col(view.batch_source.timestamp_field).cast(pl.Int64)
    known = rows.select(*keys, time.alias("since"), time.alias(CLOCK)).sort("since")
    return _as_of(asked, known, keys)


def _as_of(asked: pl.DataFrame, known: pl.DataFrame, keys: list[str]) -> pl.Series:
    questions = asked.select(*keys, pl.col(TIME).cast(pl.Int64)).with_row_index("row").sort(TIME)
    found = questions.join_asof(
        known, left_on=TIME, right_on="since", by=keys, strategy="backward", check_sortedness=False
    )
    return found.sort("row")[CLOCK].cast(TIMESTAMP)
