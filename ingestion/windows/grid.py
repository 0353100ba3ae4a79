"""Events and instants in the order in which the as-of executor's loops go through them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows.keys import Keys
from ingestion.windows.ordering import in_order, sorted_groups
from ingestion.windows.spec import TIMESTAMP, SpecError, ViewSpec

INSTANT = "event_timestamp"
POSITION = ("_partition", "_offset")
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """The events of each entity; sorted by (entity, event time, arrival, position in Kafka, place in the files).

    Attributes:
        events: Columns of the events, as they were read.
        order: (events,): where each sorted event stands in `events`.
        times: (events,): event time.
        seen: (events,): first instant that sees the event.
        arrivals: (events,): the sorted events in the order in which their entity sees them.
        bounds: (entities + 1,): which of the sorted events are an entity's.
        is_prompt: Whether every event is seen from the instant after its time on.
    """

    events: pl.DataFrame
    order: Ints
    times: Ints
    seen: Ints
    arrivals: Ints
    bounds: Ints
    is_prompt: bool

    @classmethod
    def of(
        cls, spec: ViewSpec, events: pl.DataFrame, owners: Ints, entities: int, *, as_known: bool
    ) -> "Timeline":
        """Timeline of the events that belong to an entity.

        Args:
            spec: Names the columns.
            events: As for `evaluate_as_of`.
            owners: (rows of `events`,): number of each event's entity, negative for none.
            entities: How many there are.
            as_known: Whether an event is seen only from its arrival on.
        """
        times = microseconds(events[spec.timestamp_column])
        arrived = microseconds(events[spec.arrival_column]) if spec.arrival_column else times
        late = as_known and bool((arrived > times + 1).any())
        known = [column for column in POSITION if column in events.columns]
        position = [int64(events[c].fill_null(-1)) for c in known if events[c].null_count() < events.height]
        order, times, bounds = in_order(owners, entities, times, arrived, *position)
        seen = np.maximum(times + 1, arrived[order]) if late else times + 1
        as_sorted = np.arange(len(order))
        return cls(
            events=events,
            order=order,
            times=times,
            seen=seen,
            arrivals=sorted_groups(as_sorted, bounds, seen) if late else as_sorted,
            bounds=bounds,
            is_prompt=not late,
        )


@dataclass(frozen=True)
class Grid:
    """Instants of each entity beside its events.

    Attributes:
        line: The events.
        instants: (instants,): sorted by (entity, time).
        bounds: (entities + 1,): which of the sorted instants are an entity's.
        order: (instants,): which row of the question each sorted instant is.
    """

    line: Timeline
    instants: Ints
    bounds: Ints
    order: Ints

    @cached_property
    def positions(self) -> Ints:
        """(rows of the question,): where the answer of each row stands among the sorted instants."""
        positions = np.empty(len(self.order), dtype=np.int64)
        positions[self.order] = np.arange(len(self.order))
        return positions

    @classmethod
    def of(cls, spec: ViewSpec, events: pl.DataFrame, asked: pl.DataFrame, *, as_known: bool) -> "Grid":
        """Both in order; of the events those that some instant can see.

        Args:
            spec: Names the columns.
            events: As for `evaluate_as_of`.
            asked: Join keys and `event_timestamp`, at least one row.
            as_known: Whether an event is seen only from its arrival on.

        Raises:
            SpecError: if a row has no instant.
        """
        if count := asked[INSTANT].null_count():
            raise SpecError(f"view {spec.name!r}: {count} rows have no event_timestamp; give each one")
        instants = microseconds(asked[INSTANT])
        keys = Keys(asked.select(spec.join_keys), asked.height)
        order, sorted_instants, bounds = in_order(keys.asked, keys.count, instants)
        visible = _visible(spec, events, int(instants.min()), int(instants.max()))
        owners = keys.numbers(visible.select(spec.join_keys), visible.height)
        return cls(
            line=Timeline.of(spec, visible, owners, keys.count, as_known=as_known),
            instants=sorted_instants,
            bounds=bounds,
            order=order,
        )


def microseconds(times: pl.Series) -> Ints:
    """Times as microseconds since the epoch; no nulls."""
    return int64(times.cast(TIMESTAMP))


def _visible(spec: ViewSpec, events: pl.DataFrame, first_us: int, last_us: int) -> pl.DataFrame:
    """Events that an instant between two can see."""
    times = microseconds(events[spec.timestamp_column])
    start = first_us - spec.longest_us
    if not len(times) or (times.min() >= start and times.max() < last_us):
        return events
    return events.filter((times >= start) & (times < last_us))


def int64(numbers: pl.Series) -> Ints:
    """Numbers as an array; no nulls."""
    return np.ascontiguousarray(numbers.cast(pl.Int64).to_numpy())
