"""Events and instants in the order in which the as-of executor's loops go through them."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows.ordering import in_order, sorted_groups
from ingestion.windows.spec import TIMESTAMP, SpecError, ViewSpec

INSTANT = "event_timestamp"
POSITION = ("_partition", "_offset")
Ints = NDArray[np.int64]

_ENTITY = "_entity"


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
    """

    events: pl.DataFrame
    order: Ints
    times: Ints
    seen: Ints
    arrivals: Ints
    bounds: Ints

    @classmethod
    def of(cls, spec: ViewSpec, events: pl.DataFrame, entities: int, *, as_known: bool) -> "Timeline":
        """Timeline of events that have the number of their entity in `_entity`."""
        times = microseconds(events[spec.timestamp_column])
        arrived = microseconds(events[spec.arrival_column]) if spec.arrival_column else times
        position = [_int64(events[column].fill_null(-1)) for column in POSITION if column in events.columns]
        order, bounds = in_order(_int64(events[_ENTITY]), entities, times, arrived, *position)
        times, arrived = times[order], arrived[order]
        seen = np.maximum(times + 1, arrived) if as_known else times + 1
        return cls(
            events=events.drop(_ENTITY),
            order=order,
            times=times,
            seen=seen,
            arrivals=sorted_groups(np.arange(len(order)), bounds, seen),
            bounds=bounds,
        )


@dataclass(frozen=True)
class Grid:
    """Instants of each entity beside its events.

    Attributes:
        line: The events.
        instants: (instants,): sorted by (entity, time).
        bounds: (entities + 1,): which of the sorted instants are an entity's.
        positions: (instants,): where the answer of each row of the question stands among the sorted instants.
    """

    line: Timeline
    instants: Ints
    bounds: Ints
    positions: Ints

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
        entities, owners = _numbered(asked.select(spec.join_keys))
        order, bounds = in_order(owners, entities.height, instants)
        positions = np.empty(len(order), dtype=np.int64)
        positions[order] = np.arange(len(order))
        seen = _of_entities(spec, events, entities, int(instants.min()), int(instants.max()))
        return cls(
            line=Timeline.of(spec, seen, entities.height, as_known=as_known),
            instants=instants[order],
            bounds=bounds,
            positions=positions,
        )


def microseconds(times: pl.Series) -> Ints:
    """Times as microseconds since the epoch; no nulls."""
    return _int64(times.cast(TIMESTAMP))


def _numbered(keys: pl.DataFrame) -> tuple[pl.DataFrame, Ints]:
    """The different keys with their numbers, and the number of each row."""
    entities = keys.unique().with_row_index(_ENTITY)
    numbers = keys.join(entities, on=keys.columns, how="left", nulls_equal=True, maintain_order="left")
    return entities, _int64(numbers[_ENTITY])


def _of_entities(
    spec: ViewSpec, events: pl.DataFrame, entities: pl.DataFrame, first_us: int, last_us: int
) -> pl.DataFrame:
    time = pl.col(spec.timestamp_column).cast(TIMESTAMP).cast(pl.Int64)
    read = [spec.timestamp_column, spec.arrival_column, *(f.column for f in spec.features)]
    kept = dict.fromkeys([c for c in read if c] + [c for c in POSITION if c in events.columns])
    known = entities.drop_nulls().lazy()
    return (
        events.lazy()
        .filter((time >= first_us - spec.longest_us) & (time < last_us))
        .join(known, on=list(spec.join_keys), how="inner", maintain_order="left")
        .select(*kept, _ENTITY)
        .collect()
    )


def _int64(numbers: pl.Series) -> Ints:
    return np.ascontiguousarray(numbers.cast(pl.Int64).to_numpy())
