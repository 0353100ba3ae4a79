"""How the passing of time changes the state of a view, in compiled loops.

The tiles of a bucket are looked up once for each window that it leaves; while some are worked on, the rows of those behind
them are asked for.
"""

from ingestion.windows import tiles as lists
from ingestion.windows import totals
from ingestion.windows.arrays import UNSETTLED, Arrays, ask_for_row, mark_waiting
from ingestion.windows.layout import (
    CLOCK,
    GRID_HOP,
    GRID_LONGEST,
    GRID_SPAN,
    GRID_WINDOWS,
    NEWER,
    NEXT,
    NONE,
    SLOT,
    START,
    WINDOW_LENGTH,
    WINDOW_LOSS,
    Tables,
)
from ingestion.windows.memory import compiled, prefetch


@compiled
def pass_boundaries(arrays: Arrays, tables: Tables, width, since, now, live, block):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Pass the boundaries after `since` up to and including `now`; not `live`, only free what no window holds any more.

    `block` (any,) is for tiles that are worked on together.
    """
    pool = arrays.pool
    for grid in range(len(tables.grids) - 1):
        hop, span = tables.grids[grid, GRID_HOP], tables.grids[grid, GRID_SPAN]
        for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
            length, count = tables.windows[window, WINDOW_LENGTH], pool.counts[grid, 0]
            bucket = lists.place_of(pool.keys[grid], count, (since - length + hop) // span)
            while live and bucket < count and pool.keys[grid, bucket] * span + length <= now:
                tile = pool.heads[grid, bucket]
                while tile != NONE:
                    size, tile = _collect(arrays, width, tile, block)
                    _visit(arrays, tables, width, block[:size], length, since, now)
                bucket += 1
        end = now - tables.grids[grid, GRID_LONGEST]
        lists.free_buckets(arrays.rows, arrays.tiles, pool, tables, width, grid, end)


@compiled
def _collect(arrays, width, tile, block):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Read tiles of a bucket, from `tile` on, into the block and ask for their rows; returns how many and the next one."""
    tiles, size = arrays.tiles, 0
    while tile != NONE and size < len(block):
        block[size] = tile
        ask_for_row(arrays.rows, width, tiles.halves[2 * tile + SLOT])
        prefetch(tiles.words, max(tiles.halves[2 * tile + NEWER], 0))
        tile = tiles.halves[2 * tile + NEXT]
        size += 1
    return size, tile


@compiled
def _visit(arrays, tables, width, block, length, since, now):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Move the clocks of the entities whose tiles leave a window of this length."""
    rows, tiles = arrays.rows, arrays.tiles
    for tile in block:
        slot, boundary = tiles.halves[2 * tile + SLOT], tiles.words[tile + START] + length
        base = slot * width
        if since < boundary <= now and rows.words[base + CLOCK] < boundary:
            rows.words[base + CLOCK] = boundary
            totals.lose_all(rows, tiles, tables, base, boundary)
            mark_waiting(arrays, slot)


@compiled
def settle(arrays: Arrays, tables: Tables, width, count, last_boundary, block):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Make the totals of those of the first `count` entities that changed or lost a tile since they were made."""
    for slot in range(count):
        if arrays.flags[slot] & UNSETTLED or _has_lost(arrays.rows, tables, slot * width, last_boundary):
            base = slot * width
            arrays.flags[slot] |= UNSETTLED
            mark_waiting(arrays, slot)
            arrays.rows.words[base + CLOCK] = max(arrays.rows.words[base + CLOCK], last_boundary)
            for window in range(len(tables.windows) - 1):
                totals.clear(arrays.rows, tables, base, window)
    for grid in range(len(tables.grids) - 1):
        for bucket in range(arrays.pool.counts[grid, 0]):
            tile = arrays.pool.heads[grid, bucket]
            while tile != NONE:
                size, tile = _collect(arrays, width, tile, block)
                _add(arrays, tables, width, block[:size], grid)
    for slot in range(count):
        arrays.flags[slot] &= ~UNSETTLED


@compiled
def _add(arrays, tables, width, block, grid):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add tiles to the windows, without totals so far, that cover them at their entity's clock."""
    rows, tiles = arrays.rows, arrays.tiles
    for tile in block:
        slot, start = tiles.halves[2 * tile + SLOT], tiles.words[tile + START]
        if arrays.flags[slot] & UNSETTLED:
            base = slot * width
            for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
                if start + tables.windows[window, WINDOW_LENGTH] > rows.words[base + CLOCK]:
                    totals.add_tile(rows, tiles, tables, base, window, tile)


@compiled
def _has_lost(rows, tables, base, boundary):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for window in range(len(tables.windows) - 1):
        if rows.words[base + tables.windows[window, WINDOW_LOSS]] <= boundary:
            return True
    return False
