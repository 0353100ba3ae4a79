"""A repeated event id counts once.

An event is a repeat when the same id arrived before it and the previous arrival of that id, counted or not, lies
at most the horizon before it. The rule looks only backwards in arrival order, so a stream and a batch that see
the same arrivals drop the same events.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows.spec import ViewSpec


def without_repeats(events: pl.DataFrame, spec: ViewSpec) -> pl.DataFrame:
    """The events that count, in their order; arrival order is arrival time, then partition and offset, then row.

    Args:
        events: At least the id and arrival (else event time) columns of `spec`; `_partition` and `_offset` if known.
        spec: Names the columns and the horizon.
    """
    if spec.event_id_column is None or not events[spec.event_id_column].is_duplicated().any():
        return events
    arrival = spec.arrival_column or spec.timestamp_column
    order = [arrival, *(c for c in ("_partition", "_offset") if c in events.columns)]
    gap = pl.col(arrival).diff().over(spec.event_id_column).dt.total_microseconds()
    return (
        events.with_row_index("_row")
        .sort(*order, "_row")
        .filter(
            pl.col(spec.event_id_column).is_null()
            | (gap.fill_null(spec.dedup_horizon_us + 1) > spec.dedup_horizon_us)
        )
        .sort("_row")
        .drop("_row")
    )


class RepeatFilter:
    """Recognises repeats among arriving events; remembers each id for the horizon after its last arrival."""

    def __init__(self, horizon_us: int) -> None:
        self._horizon_us = horizon_us
        self._last_arrival: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._last_arrival)

    def keep(self, ids: list[str], arrivals_us: list[int]) -> NDArray[np.bool_]:
        """True where an event counts, shape (events,). Events come in arrival order."""
        first = np.fromiter(
            (self._is_first(i, a) for i, a in zip(ids, arrivals_us, strict=True)),
            dtype=np.bool_,
            count=len(ids),
        )
        if arrivals_us:
            self._forget(max(arrivals_us) - 2 * self._horizon_us)
        return first

    def _is_first(self, event_id: str, arrival_us: int) -> bool:
        # Taken out and put back, an id moves to the end: the dict stays in order of last arrival.
        previous = self._last_arrival.pop(event_id, None)
        self._last_arrival[event_id] = arrival_us if previous is None else max(previous, arrival_us)
        return previous is None or arrival_us - previous > self._horizon_us

    def _forget(self, before_us: int) -> None:
        old = list(islice(self._older(before_us), 100_000))
        for event_id in old:
            del self._last_arrival[event_id]

    def _older(self, before_us: int) -> Iterator[str]:
        for event_id, arrival in self._last_arrival.items():
            if arrival >= before_us:
                return
            yield event_id
