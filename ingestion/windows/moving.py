"""How the state of a view moves on with events and boundaries, in compiled loops.

Cache misses decide what an event costs once there are many entities. So the loops ask for the row of a later event, then
for the tiles that it points to, while they work on an earlier one: the processor waits for many of them at once.

`slots` number the entities, NONE for a row without a key; `x` (channels, events) are the channels of the view, NaN for null;
`last_boundary` is the last multiple of any hop that has been passed.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingestion.windows import distinct, totals
from ingestion.windows import tiles as lists
from ingestion.windows.layout import (
    CELL_AT,
    CELL_CHANNEL,
    CELL_KIND,
    CLOCK,
    DISTINCT,
    GRID_CELLS,
    GRID_HEAD,
    GRID_HOP,
    GRID_LONGEST,
    GRID_SPAN,
    GRID_WINDOWS,
    GRID_WORDS,
    LAST_AT,
    LAST_CHANNEL,
    LINE,
    NEWER,
    NEXT,
    NONE,
    SET_CELL,
    SET_CHANNEL,
    SET_GRID,
    SLOT,
    START,
    TOTAL_AT,
    TOTAL_CHANNEL,
    TOTAL_KIND,
    WINDOW_LENGTH,
    WINDOW_LOSS,
    WINDOW_TAIL,
    WINDOW_TOTALS,
    Tables,
)
from ingestion.windows.memory import compiled, prefetch
from ingestion.windows.tiles import Pool
from ingestion.windows.totals import Words

# Flags of an entity: an event changed its row; its row waits; its totals are not made yet.
CHANGED, WAITING, UNSETTLED = 1, 2, 4
# Items of `Arrays.counts`: how many are in `changed`, how many wait.
CHANGES, WAITS = range(2)

_FAR, _NEAR, _NEXT = 24, 16, 8
"""How many events ahead rows, their tiles and the tiles that these point to are asked for."""
_BLOCK = 256


class Arrays(NamedTuple):
    """The state of a view as the compiled loops take it.

    Attributes:
        rows: Rows of the entities, one behind the other.
        tiles: All tiles.
        pool: Free tiles and buckets.
        entries: Entries of `Distinct`, with `table` and `state`.
        flags: Of each entity, shape (slots,).
        changed: Slots of the entities with CHANGED, the first `counts[CHANGES]` items.
    """

    rows: Words
    tiles: Words
    pool: Pool
    entries: Words
    table: NDArray[np.int32]
    state: NDArray[np.int64]
    flags: NDArray[np.uint8]
    changed: NDArray[np.int32]
    counts: NDArray[np.int64]


@compiled
def take_events(arrays: Arrays, tables: Tables, width, slots, times, arrivals, x, last_boundary, live):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take events in, in order; not `live`, the totals are left to `settle`. Returns how many no window covers."""
    rows, tiles, expired = arrays.rows, arrays.tiles, 0
    for event in range(len(slots)):
        _look_ahead(arrays, tables, width, slots, times, x, event)
        slot = slots[event]
        if slot == NONE:
            continue
        base = slot * width
        clock = max(times[event] + 1, last_boundary)
        if clock > rows.words[base + CLOCK]:
            rows.words[base + CLOCK] = clock
            if live:
                _lose(rows, tiles, tables, base, clock)
        clock = rows.words[base + CLOCK]
        _mark_changed(arrays, slot, live)
        _take_last(rows, tables, base, times[event], arrivals[event], x, event)
        is_covered = False
        for grid in range(len(tables.grids) - 1):
            start = times[event] // tables.grids[grid, GRID_HOP] * tables.grids[grid, GRID_HOP]
            is_covered |= start + tables.grids[grid, GRID_LONGEST] > last_boundary
            if start + tables.grids[grid, GRID_LONGEST] > clock:
                tile = _tile(arrays, tables, base, slot, grid, start, clock, live)
                _take_event(arrays, tables, base, slot, grid, tile, start, clock, x, event, live)
        expired += not is_covered
    return expired


@compiled
def _look_ahead(arrays, tables, width, slots, times, x, event):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Ask for what the events to come will need; what they point to has been asked for some events before."""
    far, near, next_ = event + _FAR, event + _NEAR, event + _NEXT
    if far < len(slots) and slots[far] != NONE:
        ask_for_row(arrays.rows, width, slots[far])
        for kind in range(len(tables.sets)):
            prefetch(arrays.table, _home(arrays, tables, slots, x, kind, far))
    if near < len(slots) and slots[near] != NONE:
        _ask_for_tiles(arrays.rows, arrays.tiles, tables, slots[near] * width, times[near])
        for kind in range(len(tables.sets)):
            entry = arrays.table[_home(arrays, tables, slots, x, kind, near)] - 1
            prefetch(arrays.entries.words, distinct.ENTRY_WORDS * max(entry, 0))
    if next_ < len(slots) and slots[next_] != NONE:
        _ask_for_tails(arrays.rows, arrays.tiles, tables, slots[next_] * width, times[next_])
        for kind in range(len(tables.sets)):
            entry = arrays.table[_home(arrays, tables, slots, x, kind, next_)] - 1
            if entry != NONE:
                prefetch(arrays.tiles.words, arrays.entries.halves[8 * entry + distinct.ENTRY_TILE])


@compiled
def _home(arrays, tables, slots, x, kind, event):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return distinct.cell_of(slots[event], x[tables.sets[kind, SET_CHANNEL], event], kind, arrays.state)


@compiled
def ask_for_row(rows, width, slot):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Ask for all cache lines of an entity's row."""
    for word in range(slot * width, (slot + 1) * width, LINE):
        prefetch(rows.words, word)


@compiled
def _ask_for_tiles(rows, tiles, tables, base, time):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Ask for the newest tiles, and for the tails that leave a window."""
    for grid in range(len(tables.grids) - 1):
        size = tables.grids[grid, GRID_WORDS]
        lists.ask_for(tiles, rows.halves[2 * base + tables.grids[grid, GRID_HEAD]], size)
        for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
            if rows.words[base + tables.windows[window, WINDOW_LOSS]] <= time:
                lists.ask_for(tiles, rows.halves[2 * base + tables.windows[window, WINDOW_TAIL]], size)


@compiled
def _ask_for_tails(rows, tiles, tables, base, time):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Ask for the tiles that become tails."""
    for window in range(len(tables.windows) - 1):
        if rows.words[base + tables.windows[window, WINDOW_LOSS]] <= time:
            tail = rows.halves[2 * base + tables.windows[window, WINDOW_TAIL]]
            prefetch(tiles.words, max(tiles.halves[2 * tail + NEWER], 0))


@compiled
def _lose(rows, tiles, tables, base, clock):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for grid in range(len(tables.grids) - 1):
        head = rows.halves[2 * base + tables.grids[grid, GRID_HEAD]]
        for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
            if rows.words[base + tables.windows[window, WINDOW_LOSS]] <= clock:
                totals.lose(rows, tiles, tables, base, window, head, clock)


@compiled
def _mark_changed(arrays, slot, live):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    flags = arrays.flags
    if not live:
        mark_waiting(arrays, slot)
        flags[slot] |= UNSETTLED
    elif not flags[slot] & CHANGED:
        flags[slot] |= CHANGED
        arrays.changed[arrays.counts[CHANGES]] = slot
        arrays.counts[CHANGES] += 1


@compiled
def mark_waiting(arrays, slot):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Let the row of an entity wait, unless it is to be taken as changed anyway."""
    if not arrays.flags[slot] & (CHANGED | WAITING):
        arrays.flags[slot] |= WAITING
        arrays.counts[WAITS] += 1


@compiled
def _take_last(rows, tables, base, time, arrival, x, event):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for last in range(len(tables.lasts)):
        value, at = x[tables.lasts[last, LAST_CHANNEL], event], base + tables.lasts[last, LAST_AT]
        if math.isnan(value) or time < rows.words[at]:
            continue
        if time > rows.words[at] or arrival >= rows.words[at + 1]:
            rows.words[at], rows.words[at + 1], rows.floats[at + 2] = time, arrival, value


@compiled
def _tile(arrays, tables, base, slot, grid, start, clock, live):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    rows, tiles = arrays.rows, arrays.tiles
    tile, newer = lists.find(rows, tiles, tables, base, grid, start)
    if tile != NONE and tiles.words[tile + START] == start:
        return tile
    tile = lists.make(rows, tiles, arrays.pool, tables, base, slot, grid, start, tile, newer)
    if live:
        for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
            if start + tables.windows[window, WINDOW_LENGTH] > clock:
                totals.enter(rows, tiles, tables, base, window, tile)
    return tile


@compiled
def _take_event(arrays, tables, base, slot, grid, tile, start, clock, x, event, live):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    rows, tiles = arrays.rows, arrays.tiles
    for cell in range(tables.grids[grid, GRID_CELLS], tables.grids[grid + 1, GRID_CELLS]):
        kind, value = tables.cells[cell, CELL_KIND], x[tables.cells[cell, CELL_CHANNEL], event]
        if kind != DISTINCT and not math.isnan(value):
            totals.put(tiles, tile + tables.cells[cell, CELL_AT], kind, value)
    if live:
        for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
            if start + tables.windows[window, WINDOW_LENGTH] > clock:
                totals.take_event(rows, tiles, tables, base, window, tile, x, event)
    for kind in range(len(tables.sets)):
        value = x[tables.sets[kind, SET_CHANNEL], event]
        if tables.sets[kind, SET_GRID] == grid and not math.isnan(value):
            _take_value(arrays, tables, base, slot, grid, tile, start, clock, kind, value, live)


@compiled
def _take_value(arrays, tables, base, slot, grid, tile, start, clock, kind, value, live):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count a value in the tile of its newest event."""
    entries, cell = arrays.entries, tables.sets[kind, SET_CELL]
    home = distinct.cell_of(slot, value, kind, arrays.state)
    entry = distinct.find(entries, arrays.table, home, slot, value, kind)
    # Where a value counted that no window can hold any more: that tile may be another one's now.
    before = -1 - tables.grids[grid, GRID_LONGEST] + clock
    if entry == NONE:
        entry = distinct.insert(entries, arrays.table, arrays.state, slot, value, kind)
    else:
        before = max(before, entries.words[4 * entry + distinct.ENTRY_START])
        if before >= start:
            return
        if before + tables.grids[grid, GRID_LONGEST] > clock:
            arrays.tiles.words[entries.halves[8 * entry + distinct.ENTRY_TILE] + cell] -= 1
    arrays.tiles.words[tile + cell] += 1
    entries.words[4 * entry + distinct.ENTRY_START] = start
    entries.halves[8 * entry + distinct.ENTRY_TILE] = tile
    if live:
        _count_value(arrays.rows, tables, base, grid, tables.sets[kind, SET_CHANNEL], before, start, clock)


@compiled
def _count_value(rows, tables, base, grid, channel, before, start, clock):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count a value in the windows that hold its tile and did not hold the one in which it counted before."""
    for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
        length = tables.windows[window, WINDOW_LENGTH]
        if not before + length <= clock < start + length:
            continue
        for total in range(tables.windows[window, WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
            if (
                tables.totals[total, TOTAL_KIND] == DISTINCT
                and tables.totals[total, TOTAL_CHANNEL] == channel
            ):
                rows.words[base + tables.totals[total, TOTAL_AT]] += 1


@compiled
def pass_boundaries(arrays: Arrays, tables: Tables, width, since, now, live, block):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Pass the boundaries after `since` up to and including `now`."""
    tiles, pool = arrays.tiles, arrays.pool
    for grid in range(len(tables.grids) - 1):
        hop, span = tables.grids[grid, GRID_HOP], tables.grids[grid, GRID_SPAN]
        for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
            length, count = tables.windows[window, WINDOW_LENGTH], pool.counts[grid, 0]
            bucket = lists.place_of(pool.keys[grid], count, (since - length + hop) // span)
            while live and bucket < count and pool.keys[grid, bucket] * span + length <= now:
                tile = pool.heads[grid, bucket]
                while tile != NONE:
                    size = 0
                    while tile != NONE and size < len(block):
                        block[size] = tile
                        ask_for_row(arrays.rows, width, tiles.halves[2 * tile + SLOT])
                        prefetch(tiles.words, max(tiles.halves[2 * tile + NEWER], 0))
                        tile = tiles.halves[2 * tile + NEXT]
                        size += 1
                    _visit(arrays, tables, width, block[:size], length, since, now)
                bucket += 1
        lists.free_buckets(
            arrays.rows, tiles, pool, tables, width, grid, now - tables.grids[grid, GRID_LONGEST]
        )


@compiled
def _visit(arrays, tables, width, block, length, since, now):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Move the clocks of the entities whose tiles leave a window of this length."""
    rows, tiles = arrays.rows, arrays.tiles
    for tile in block:
        slot, boundary = tiles.halves[2 * tile + SLOT], tiles.words[tile + START] + length
        base = slot * width
        if since < boundary <= now and rows.words[base + CLOCK] < boundary:
            rows.words[base + CLOCK] = boundary
            _lose(rows, tiles, tables, base, boundary)
            mark_waiting(arrays, slot)


@compiled
def settle(arrays: Arrays, tables: Tables, width, count, last_boundary):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Make the totals of those of the first `count` entities that changed or lost a tile since they were made."""
    rows = arrays.rows
    for slot in range(count):
        base = slot * width
        if arrays.flags[slot] & UNSETTLED or _has_lost(rows, tables, base, last_boundary):
            arrays.flags[slot] &= CHANGED | WAITING
            mark_waiting(arrays, slot)
            clock = rows.words[base + CLOCK] = max(rows.words[base + CLOCK], last_boundary)
            for grid in range(len(tables.grids) - 1):
                head = rows.halves[2 * base + tables.grids[grid, GRID_HEAD]]
                for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
                    totals.sum_up(rows, arrays.tiles, tables, base, window, head, clock)


@compiled
def _has_lost(rows, tables, base, boundary):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for window in range(len(tables.windows) - 1):
        if rows.words[base + tables.windows[window, WINDOW_LOSS]] <= boundary:
            return True
    return False


@compiled
def take_waiting(arrays: Arrays, count, cursor, slots):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take waiting entities into `slots`, going round from `cursor`; returns where to go on. There are enough of them."""
    taken = 0
    while taken < len(slots):
        cursor = cursor + 1 if cursor + 1 < count else 0
        if arrays.flags[cursor] & WAITING:
            arrays.flags[cursor] &= CHANGED
            slots[taken] = cursor
            taken += 1
    arrays.counts[WAITS] -= taken
    return cursor
