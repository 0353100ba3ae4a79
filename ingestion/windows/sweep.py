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
    rows: Ints,
    x: Floats,
    channels: Ints,
    windows: Ints,
    hops: Ints,
    functions: Ints,
    out: Floats,
) -> None:
    """count, sum and mean of several features, where every event is seen right after its time.

    Then the events of a window are neighbours, and its values are differences of running totals.

    Args:
        first: First entity.
        last: First entity that is not done.
        times: (events,).
        event_bounds: (entities + 1,).
        instants: (instants,).
        instant_bounds: (entities + 1,).
        rows: (instants,): row of `out` for each instant.
        x: (channels, events).
        channels: (features,): which channel a feature reads.
        windows: (features,); features of the same hop and window come one after the other.
        hops: (features,).
        functions: (features,).
        out: (instants, features): the values of an instant lie together, so that one access brings all of them.
    """
    longest, most = 0, 0
    for entity in range(first, last):
        longest = max(longest, event_bounds[entity + 1] - event_bounds[entity])
        most = max(most, instant_bounds[entity + 1] - instant_bounds[entity])
    counts = np.zeros((len(x), longest + 1), dtype=np.int64)
    highs, lows = np.zeros((len(x), longest + 1)), np.zeros((len(x), longest + 1))
    heads, tails = np.empty(most, dtype=np.int64), np.empty(most, dtype=np.int64)
    boundaries = np.empty(most, dtype=np.int64)
    is_summed = np.zeros(len(x), dtype=np.bool_)
    for f in range(len(functions)):
        is_summed[channels[f]] |= functions[f] != partials.COUNT
    for entity in range(first, last):
        start, stop = event_bounds[entity], event_bounds[entity + 1]
        asked, end = instant_bounds[entity], instant_bounds[entity + 1]
        own, when, places = times[start:stop], instants[asked:end], rows[asked:end]
        for channel in range(len(x)):
            _count_up(x[channel, start:stop], counts[channel])
            if is_summed[channel]:
                _sum_up(x[channel, start:stop], highs[channel], lows[channel])
        _count_before(own, when, heads)
        for f in range(len(functions)):
            if f == 0 or hops[f] != hops[f - 1]:
                for i in range(len(when)):
                    boundaries[i] = window_start(when[i], 0, hops[f])
            if f == 0 or hops[f] != hops[f - 1] or windows[f] != windows[f - 1]:
                _count_before(own, boundaries[: len(when)] - windows[f], tails)
            channel, values = channels[f], out[:, f]
            if functions[f] == partials.COUNT:
                _counts(counts[channel], heads, tails, places, values)
            else:
                mean = functions[f] == partials.MEAN
                _sums(counts[channel], highs[channel], lows[channel], heads, tails, places, mean, values)


@njit(cache=True, nogil=True)
def _count_up(x: Floats, counts: Ints) -> None:
    """Number of values before each event, and behind the last one."""
    for i in range(len(x)):
        counts[i + 1] = counts[i] + (not np.isnan(x[i]))


@njit(cache=True, nogil=True)
def _sum_up(x: Floats, highs: Floats, lows: Floats) -> None:
    """Sum of the values before each event, and behind the last one."""
    high, low = 0.0, 0.0
    for i in range(len(x)):
        if not np.isnan(x[i]):
            high, low = exact.add(high, low, x[i], 0.0)
        highs[i + 1], lows[i + 1] = high, low


@njit(cache=True, nogil=True)
def _count_before(times: Ints, instants: Ints, before: Ints) -> None:
    """How many of the times lie before each instant; both ascend."""
    count = 0
    for i in range(len(instants)):
        while count < len(times) and times[count] < instants[i]:
            count += 1
        before[i] = count


@njit(cache=True, nogil=True)
def _counts(counts: Ints, heads: Ints, tails: Ints, places: Ints, values: Floats) -> None:
    for i in range(len(places)):
        values[places[i]] = counts[heads[i]] - counts[tails[i]]


@njit(cache=True, nogil=True)
def _sums(
    counts: Ints,
    highs: Floats,
    lows: Floats,
    heads: Ints,
    tails: Ints,
    places: Ints,
    mean: bool,
    values: Floats,
) -> None:
    for i in range(len(places)):
        head, tail = heads[i], tails[i]
        count = counts[head] - counts[tail]
        high, low = 0.0, 0.0
        if count:
            high, low = exact.add(highs[head], lows[head], -highs[tail], -lows[tail])
        if not mean:
            values[places[i]] = high + low
        else:
            values[places[i]] = (high + low) / count if count else np.nan


@njit(cache=True, nogil=True)
def as_columns(first: int, last: int, values: Floats, columns: Floats) -> None:
    """Copy rows of `values` (rows, features) into `columns` (features, rows), which the caches hold in part only."""
    for start in range(first, last, 512):
        stop = min(start + 512, last)
        for f in range(len(columns)):
            for row in range(start, stop):
                columns[f, row] = values[row, f]


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
