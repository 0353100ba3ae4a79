"""The as-of executor's inner loops: one pass over the events and instants of each entity.

An event counts at the instants ``seen <= t < leaves``: `seen` is when it is both past and arrived, `leaves` the
boundary at which its tile leaves the window. So each loop keeps two pointers: `head` takes events in as they are
seen, `tail` takes them out as they leave. Every event enters and leaves a window once, whatever the window's length.

Arrays: events are sorted by (entity, event time, arrival), instants by (entity, time); `*_bounds` (entities + 1,)
delimit an entity's events or instants; `arrivals` lists the events of each entity in the order in which they are
seen. `x` (events,) is a channel, NaN for null; `out` (instants,) receives the values.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.windows import partials

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@njit(cache=True, inline="always")
def leaves(event: int, window: int, hop: int) -> int:
    """Boundary at which the tile of an event leaves a window."""
    return event // hop * hop + window


@njit(cache=True)
def sweep_partials(
    times: Ints,
    seen: Ints,
    arrivals: Ints,
    event_bounds: Ints,
    instants: Ints,
    instant_bounds: Ints,
    x: Floats,
    window: int,
    hop: int,
    functions: Ints,
    out: Floats,
) -> None:
    """count, sum, mean and std; `out` (functions, instants)."""
    partial = np.zeros(partials.WIDTH)
    inside = np.zeros(len(times), dtype=np.bool_)
    for entity in range(len(event_bounds) - 1):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        tail = head
        partials.zero(partial)
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if leaves(times[event], window, hop) > t and not np.isnan(x[event]):
                    partials.add(partial, x[event])
                    inside[event] = True
                head += 1
            while tail < stop and leaves(times[tail], window, hop) <= t:
                if inside[tail]:
                    partials.remove(partial, x[tail])
                    inside[tail] = False
                tail += 1
            for f in range(len(functions)):
                out[f, i] = partials.result(partial, functions[f])


@njit(cache=True)
def sweep_extreme(
    times: Ints,
    seen: Ints,
    arrivals: Ints,
    event_bounds: Ints,
    instants: Ints,
    instant_bounds: Ints,
    x: Floats,
    window: int,
    hop: int,
    sign: float,
    out: Floats,
) -> None:
    """Minimum (`sign` 1) or maximum (-1).

    `queue` holds the events that can still become the extreme: later ones in time are larger ones in value.
    """
    queue = np.empty(len(times), dtype=np.int64)
    for entity in range(len(event_bounds) - 1):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        front = back = 0
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if leaves(times[event], window, hop) > t and not np.isnan(x[event]):
                    back = _enqueue(queue, front, back, event, x, sign)
                head += 1
            while front < back and leaves(times[queue[front]], window, hop) <= t:
                front += 1
            out[i] = x[queue[front]] if front < back else np.nan


@njit(cache=True)
def _enqueue(queue: Ints, front: int, back: int, event: int, x: Floats, sign: float) -> int:
    place = back
    while place > front and queue[place - 1] > event:
        place -= 1
    if place < back and sign * x[queue[place]] <= sign * x[event]:
        return back
    first = place
    while first > front and sign * x[queue[first - 1]] >= sign * x[event]:
        first -= 1
    if first == place:
        for j in range(back, place, -1):
            queue[j] = queue[j - 1]
        queue[place] = event
        return back + 1
    queue[first] = event
    for j in range(place, back):
        queue[first + 1 + j - place] = queue[j]
    return first + 1 + back - place


@njit(cache=True)
def sweep_last(
    times: Ints,
    seen: Ints,
    arrivals: Ints,
    event_bounds: Ints,
    instants: Ints,
    instant_bounds: Ints,
    x: Floats,
    window: int,
    hop: int,
    out: Floats,
) -> None:
    """Value of the newest event; among equal times the one that arrived last."""
    for entity in range(len(event_bounds) - 1):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        newest = -1
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if not np.isnan(x[event]):
                    newest = max(newest, event)
                head += 1
            inside = newest >= 0 and leaves(times[newest], window, hop) > t
            out[i] = x[newest] if inside else np.nan


@njit(cache=True)
def sweep_distinct(
    times: Ints,
    seen: Ints,
    arrivals: Ints,
    event_bounds: Ints,
    instants: Ints,
    instant_bounds: Ints,
    values: Ints,
    window: int,
    hop: int,
    out: Floats,
) -> None:
    """Number of different values; `values` (events,) numbers the (entity, value) pairs, -1 for null."""
    copies = np.zeros(values.max() + 1 if len(values) else 0, dtype=np.int64)
    inside = np.zeros(len(times), dtype=np.bool_)
    for entity in range(len(event_bounds) - 1):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        tail = head
        distinct = 0
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if leaves(times[event], window, hop) > t and values[event] >= 0:
                    distinct += copies[values[event]] == 0
                    copies[values[event]] += 1
                    inside[event] = True
                head += 1
            while tail < stop and leaves(times[tail], window, hop) <= t:
                if inside[tail]:
                    copies[values[tail]] -= 1
                    distinct -= copies[values[tail]] == 0
                    inside[tail] = False
                tail += 1
            out[i] = distinct
