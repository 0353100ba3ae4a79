"""How events change the state of a view, in compiled loops.

Cache misses decide what an event costs once there are many entities. So the loop asks for the row of a later event, then
for the tiles that it points to, while it works on an earlier one: the processor waits for many of them at once.

`slots` number the entities, NONE for a row without a key; `x` (channels, events) are the channels of the view, NaN for null;
`last_boundary` is the last multiple of any hop that has been passed.
"""

import math

from ingestion.windows import distinct, totals
from ingestion.windows import tiles as lists
from ingestion.windows.arrays import UNSETTLED, Arrays, ask_for_row, mark_changed, mark_waiting
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
    GRID_WINDOWS,
    GRID_WORDS,
    LAST_AT,
    LAST_CHANNEL,
    NEWER,
    NONE,
    SET_CELL,
    SET_CHANNEL,
    SET_GRID,
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

_FAR, _NEAR, _NEXT = 24, 16, 8
"""How many events ahead rows, their tiles and the tiles that these point to are asked for."""


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
                totals.lose_all(rows, tiles, tables, base, clock)
        clock = rows.words[base + CLOCK]
        if live:
            mark_changed(arrays, slot)
        else:
            mark_waiting(arrays, slot)
            arrays.flags[slot] |= UNSETTLED
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
                _ask_for_entry(
                    arrays, tables, entry, slots[next_], x[tables.sets[kind, SET_CHANNEL], next_], kind
                )


@compiled
def _ask_for_entry(arrays, tables, entry, slot, value, kind):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Ask for the cell in which a value counts so far; where the entry is another value's, for the next entry."""
    entries = arrays.entries
    if distinct.is_of(entries, entry, slot, value, kind):
        prefetch(
            arrays.tiles.words, entries.halves[8 * entry + distinct.ENTRY_TILE] + tables.sets[kind, SET_CELL]
        )
    else:
        following = max(entries.halves[8 * entry + distinct.ENTRY_NEXT], 0)
        prefetch(entries.words, distinct.ENTRY_WORDS * following)


@compiled
def _home(arrays, tables, slots, x, kind, event):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return distinct.cell_of(slots[event], x[tables.sets[kind, SET_CHANNEL], event], kind, arrays.state)


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
