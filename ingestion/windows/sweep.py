"""The as-of executor's inner loops: one pass over the events and instants of each entity.

An event counts at the instants ``seen <= t < leaves``: `seen` is when it is both past and arrived, `leaves` the
boundary at which its tile leaves the window. So each loop keeps two pointers: `head` takes events in as they are
seen, `tail` takes them out as they leave. Every event enters and leaves a window once, whatever the window's length.

Arrays: events are sorted by (entity, event time, arrival), instants by (entity, time); `*_bounds` (entities + 1,)
delimit an entity's events or instants; `arrivals` lists the events of each entity in the order in which they are
seen. `x` (events,) is a channel, NaN for null; `out` (instants,) receives the values. Each loop does the entities from
``first`` to ``last`` (excluded) and writes nothing that belongs to others: threads share the entities.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.windows import exact, partials

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@njit(cache=True, nogil=True, inline="always")
def window_start(instant: int, window: int, hop: int) -> int:
    """First instant inside the window that ends at another; events before it have left."""
    return (instant // hop + 1) * hop - window


@njit(cache=True, nogil=True)
def sweep_count(
    first: int,
    last: int,
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
    """Number of events with a value."""
    base = event_bounds[first]
    inside = np.zeros(event_bounds[last] - base, dtype=np.bool_)
    for entity in range(first, last):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        tail = head
        count = 0
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            start = window_start(t, window, hop)
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if times[event] >= start and not np.isnan(x[event]):
                    count += 1
                    inside[event - base] = True
                head += 1
            while tail < stop and times[tail] < start:
                if inside[tail - base]:
                    count -= 1
                    inside[tail - base] = False
                tail += 1
            out[i] = count


@njit(cache=True, nogil=True)
def sweep_totals(
    first: int,
    last: int,
    times: Ints,
    event_bounds: Ints,
    instants: Ints,
    instant_bounds: Ints,
    x: Floats,
    windows: Ints,
    hops: Ints,
    functions: Ints,
    out: Floats,
) -> None:
    """count, sum and mean of several features, one per row of `out`, where every event is seen right after its time.

    Then the events of a window are neighbours: its values are differences of two running totals.
    """
    longest, most = 0, 0
    for entity in range(first, last):
        longest = max(longest, event_bounds[entity + 1] - event_bounds[entity])
        most = max(most, instant_bounds[entity + 1] - instant_bounds[entity])
    counts = np.zeros(longest + 1, dtype=np.int64)
    highs, lows = np.zeros(longest + 1), np.zeros(longest + 1)
    heads, tails = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    for entity in range(first, last):
        start, stop = event_bounds[entity], event_bounds[entity + 1]
        asked, end = instant_bounds[entity], instant_bounds[entity + 1]
        for i in range(stop - start):
            value = x[start + i]
            counts[i + 1], highs[i + 1], lows[i + 1] = counts[i], highs[i], lows[i]
            if not np.isnan(value):
                counts[i + 1] += 1
                highs[i + 1], lows[i + 1] = exact.add(highs[i], lows[i], value, 0.0)
        for f in range(len(functions)):
            if f == 0 or windows[f] != windows[f - 1] or hops[f] != hops[f - 1]:
                _neighbours(times[start:stop], instants[asked:end], windows[f], hops[f], heads, tails)
            values = out[f, asked:end]
            for i in range(len(values)):
                values[i] = counts[heads[i]] - counts[tails[i]]
            if functions[f] != partials.COUNT:
                _differences(values, highs, lows, heads, tails, functions[f] == partials.MEAN)


@njit(cache=True, nogil=True)
def _differences(values: Floats, highs: Floats, lows: Floats, heads: Ints, tails: Ints, mean: bool) -> None:
    """Sums, or means, of windows instead of the numbers of their events."""
    for i in range(len(values)):
        head, tail, count = heads[i], tails[i], values[i]
        if count > 0.0:
            high, low = exact.add(highs[head], lows[head], -highs[tail], -lows[tail])
            values[i] = (high + low) / count if mean else high + low
        elif mean:
            values[i] = np.nan


@njit(cache=True, nogil=True)
def _neighbours(times: Ints, instants: Ints, window: int, hop: int, heads: Ints, tails: Ints) -> None:
    """First event inside the window of each instant, and the first one behind it."""
    head, tail = 0, 0
    for i in range(len(instants)):
        start = window_start(instants[i], window, hop)
        while tail < len(times) and times[tail] < start:
            tail += 1
        head = max(head, tail)
        while head < len(times) and times[head] < instants[i]:
            head += 1
        heads[i], tails[i] = head, tail


@njit(cache=True, nogil=True)
def sweep_sums(
    first: int,
    last: int,
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
    """count, sum and mean; `out` (functions, instants). As `sweep_partials`, but squares and extremes are not kept."""
    base = event_bounds[first]
    inside = np.zeros(event_bounds[last] - base, dtype=np.bool_)
    for entity in range(first, last):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        tail = head
        count, high, low = 0, 0.0, 0.0
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            start = window_start(t, window, hop)
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if times[event] >= start and not np.isnan(x[event]):
                    count += 1
                    high, low = exact.add(high, low, x[event], 0.0)
                    inside[event - base] = True
                head += 1
            while tail < stop and times[tail] < start:
                if inside[tail - base]:
                    count -= 1
                    high, low = exact.add(high, low, -x[tail], 0.0)
                    inside[tail - base] = False
                tail += 1
            if count == 0:
                high, low = 0.0, 0.0
            for f in range(len(functions)):
                if functions[f] == partials.COUNT:
                    out[f, i] = count
                elif functions[f] == partials.SUM:
                    out[f, i] = high + low
                else:
                    out[f, i] = (high + low) / count if count else np.nan


@njit(cache=True, nogil=True)
def sweep_partials(
    first: int,
    last: int,
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
    base = event_bounds[first]
    inside = np.zeros(event_bounds[last] - base, dtype=np.bool_)
    for entity in range(first, last):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        tail = head
        partials.zero(partial)
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            start = window_start(t, window, hop)
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if times[event] >= start and not np.isnan(x[event]):
                    partials.add(partial, x[event])
                    inside[event - base] = True
                head += 1
            while tail < stop and times[tail] < start:
                if inside[tail - base]:
                    partials.remove(partial, x[tail])
                    inside[tail - base] = False
                tail += 1
            for f in range(len(functions)):
                out[f, i] = partials.result(partial, functions[f])


@njit(cache=True, nogil=True)
def sweep_extreme(
    first: int,
    last: int,
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
    longest = 0
    for entity in range(first, last):
        longest = max(longest, event_bounds[entity + 1] - event_bounds[entity])
    queue = np.empty(longest, dtype=np.int64)
    for entity in range(first, last):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        front = back = 0
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            start = window_start(t, window, hop)
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if times[event] >= start and not np.isnan(x[event]):
                    back = _enqueue(queue, front, back, event, x, sign)
                head += 1
            while front < back and times[queue[front]] < start:
                front += 1
            out[i] = x[queue[front]] if front < back else np.nan


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def sweep_last(
    first: int,
    last: int,
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
    for entity in range(first, last):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        newest = -1
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if not np.isnan(x[event]):
                    newest = max(newest, event)
                head += 1
            inside = newest >= 0 and times[newest] >= window_start(t, window, hop)
            out[i] = x[newest] if inside else np.nan


@njit(cache=True, nogil=True)
def sweep_distinct(
    first: int,
    last: int,
    times: Ints,
    seen: Ints,
    arrivals: Ints,
    event_bounds: Ints,
    instants: Ints,
    instant_bounds: Ints,
    codes: Ints,
    different: int,
    window: int,
    hop: int,
    out: Floats,
) -> None:
    """Number of different values; `codes` (events,) are below `different`, -1 for null."""
    copies = np.zeros(different, dtype=np.int32)
    base = event_bounds[first]
    inside = np.zeros(event_bounds[last] - base, dtype=np.bool_)
    for entity in range(first, last):
        head, stop = event_bounds[entity], event_bounds[entity + 1]
        tail = head
        distinct = 0
        for i in range(instant_bounds[entity], instant_bounds[entity + 1]):
            t = instants[i]
            start = window_start(t, window, hop)
            while head < stop and seen[arrivals[head]] <= t:
                event = arrivals[head]
                if times[event] >= start and codes[event] >= 0:
                    distinct += copies[codes[event]] == 0
                    copies[codes[event]] += 1
                    inside[event - base] = True
                head += 1
            while tail < stop and times[tail] < start:
                if inside[tail - base]:
                    copies[codes[tail]] -= 1
                    distinct -= copies[codes[tail]] == 0
                    inside[tail - base] = False
                tail += 1
            out[i] = distinct
        for event in range(tail, stop):
            if inside[event - base]:
                copies[codes[event]] = 0
