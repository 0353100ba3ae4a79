"""Running totals of an entity's windows, in compiled loops: what the tiles inside each window add up to.

Counts and sums are invertible: an event is added, a tile that leaves is subtracted; the tail of a window is the oldest
tile inside it, and from there the way to the next one leads through `newer`. A total is summed up anew from the tiles
when what is left is so small beside what it was that rounding could show.

Minima and maxima are not invertible: see `extremes`.

`rows` and `tiles` are `Words`; `base` is the first word of an entity's row; `window` a row of the table of windows.
Totals and clock go together: the totals of a window are those of the tiles with ``start + length > clock``.
"""

import math

from ingestion.windows import exact, extremes
from ingestion.windows.layout import (
    COUNT,
    DISTINCT,
    ENDLESS,
    GRID_HEAD,
    GRID_WINDOWS,
    MAX,
    MIN,
    NEWER,
    NONE,
    START,
    SUM,
    TOTAL_AT,
    TOTAL_CELL,
    TOTAL_CHANNEL,
    TOTAL_KIND,
    TOTAL_SUFFIX,
    WINDOW_FLIP,
    WINDOW_LENGTH,
    WINDOW_LOSS,
    WINDOW_TAIL,
    WINDOW_TOTALS,
    WINDOW_TURNS,
)
from ingestion.windows.memory import compiled

# Sums are known to about 1e-31 of the largest value they had; below this share of it they are summed up anew.
_FADED = 2.0**-26


@compiled
def put(memory, at, kind, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take a value into a cell of a tile, or into a total of an invertible kind."""
    if kind in (COUNT, DISTINCT):
        memory.words[at] += 1
    elif kind == SUM:
        _add(memory, at, x, 0.0)
    elif kind in (MIN, MAX):
        extremes.lower(memory, at, extremes.signed(kind, x))
    else:
        square, error = exact.two_product(x, x)
        _add(memory, at, square, error)


@compiled
def _add(memory, at, high, low):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    memory.floats[at], memory.floats[at + 1] = exact.add(memory.floats[at], memory.floats[at + 1], high, low)


@compiled
def _raise_peak(rows, at):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    rows.floats[at + 2] = max(rows.floats[at + 2], abs(rows.floats[at]))


@compiled
def clear(rows, tables, base, window):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Make a window empty: its totals are exactly zero again."""
    w = tables.windows[window]
    rows.words[base + w[WINDOW_LOSS]] = ENDLESS
    rows.halves[2 * base + w[WINDOW_TAIL]] = NONE
    rows.halves[2 * base + w[WINDOW_FLIP]] = NONE
    for total in range(w[WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
        kind, at = tables.totals[total, TOTAL_KIND], base + tables.totals[total, TOTAL_AT]
        if kind in (COUNT, DISTINCT):
            rows.words[at] = 0
        elif kind in (MIN, MAX):
            rows.floats[at] = rows.floats[at + 1] = math.nan
        else:
            rows.floats[at] = rows.floats[at + 1] = rows.floats[at + 2] = 0.0


@compiled
def take_tile(rows, tiles, tables, base, window, tile, sign):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add a tile to the invertible totals of a window (`sign` 1), or subtract it (-1)."""
    first = tables.windows[window, WINDOW_TOTALS]
    for total in range(first, tables.windows[window + 1, WINDOW_TOTALS]):
        kind = tables.totals[total, TOTAL_KIND]
        at, cell = base + tables.totals[total, TOTAL_AT], tile + tables.totals[total, TOTAL_CELL]
        if kind in (COUNT, DISTINCT):
            rows.words[at] += sign * tiles.words[cell]
        elif kind not in (MIN, MAX):
            _add(rows, at, sign * tiles.floats[cell], sign * tiles.floats[cell + 1])
            _raise_peak(rows, at)


@compiled
def lose(rows, tiles, tables, base, window, head, clock):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take out of a window the tiles that have left it at the entity's clock; at least one has."""
    w = tables.windows[window]
    tail, flip = rows.halves[2 * base + w[WINDOW_TAIL]], rows.halves[2 * base + w[WINDOW_FLIP]]
    stale = False
    while tail != NONE and tiles.words[tail + START] + w[WINDOW_LENGTH] <= clock:
        take_tile(rows, tiles, tables, base, window, tail, -1)
        # A tile of the back that leaves is still part of its extreme.
        stale |= flip == NONE
        flip = NONE if tail == flip else flip
        tail = tiles.halves[2 * tail + NEWER]
    if tail == NONE:
        clear(rows, tables, base, window)
        return
    rows.words[base + w[WINDOW_LOSS]] = tiles.words[tail + START] + w[WINDOW_LENGTH]
    rows.halves[2 * base + w[WINDOW_TAIL]] = tail
    rows.halves[2 * base + w[WINDOW_FLIP]] = flip
    if w[WINDOW_TURNS] and stale:
        extremes.turn(rows, tiles, tables, base, window, head)
    elif w[WINDOW_TURNS]:
        extremes.read_front(rows, tiles, tables, base, window)
    _sum_up_faded(rows, tiles, tables, base, window)


@compiled
def _sum_up_faded(rows, tiles, tables, base, window):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    w = tables.windows[window]
    for total in range(w[WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
        kind, at = tables.totals[total, TOTAL_KIND], base + tables.totals[total, TOTAL_AT]
        if kind in (COUNT, DISTINCT, MIN, MAX) or rows.floats[at] == 0.0:
            continue
        # The negation takes a total that is not a number along.
        if not abs(rows.floats[at]) >= _FADED * rows.floats[at + 2]:
            rows.floats[at] = rows.floats[at + 1] = rows.floats[at + 2] = 0.0
            tile, cell = rows.halves[2 * base + w[WINDOW_TAIL]], tables.totals[total, TOTAL_CELL]
            while tile != NONE:
                _add(rows, at, tiles.floats[tile + cell], tiles.floats[tile + cell + 1])
                _raise_peak(rows, at)
                tile = tiles.halves[2 * tile + NEWER]


@compiled
def enter(rows, tiles, tables, base, window, tile):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Let a tile without values, just made, into a window that covers it."""
    w = tables.windows[window]
    tail, newer = rows.halves[2 * base + w[WINDOW_TAIL]], tiles.halves[2 * tile + NEWER]
    if tail == NONE or tail == newer:  # noqa: PLR1714, SIM109  # two types of number
        rows.words[base + w[WINDOW_LOSS]] = tiles.words[tile + START] + w[WINDOW_LENGTH]
        rows.halves[2 * base + w[WINDOW_TAIL]] = tile
    if w[WINDOW_TURNS]:
        extremes.enter(rows, tiles, tables, base, window, tile)


@compiled
def take_event(rows, tiles, tables, base, window, tile, x, event):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add the values of an event to the totals of a window that covers its tile; `x` (channels, events)."""
    w = tables.windows[window]
    in_front = w[WINDOW_TURNS] and extremes.is_in_front(rows, tiles, base, w[WINDOW_FLIP], tile)
    for total in range(w[WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
        kind, at = tables.totals[total, TOTAL_KIND], base + tables.totals[total, TOTAL_AT]
        value = x[tables.totals[total, TOTAL_CHANNEL], event]
        if math.isnan(value) or kind == DISTINCT:
            continue
        if kind not in (MIN, MAX):
            put(rows, at, kind, value)
            if kind != COUNT:
                _raise_peak(rows, at)
        else:
            extremes.take(
                rows, tiles, tables, base, window, tile, total, extremes.signed(kind, value), in_front
            )


@compiled
def add_tile(rows, tiles, tables, base, window, tile):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add a tile with all its values to a window that has no front; tiles may come in any order."""
    w = tables.windows[window]
    take_tile(rows, tiles, tables, base, window, tile, 1)
    leaves = tiles.words[tile + START] + w[WINDOW_LENGTH]
    if leaves < rows.words[base + w[WINDOW_LOSS]]:
        rows.words[base + w[WINDOW_LOSS]] = leaves
        rows.halves[2 * base + w[WINDOW_TAIL]] = tile
    for total in range(w[WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
        if tables.totals[total, TOTAL_SUFFIX] != NONE:
            extreme = tiles.floats[tile + tables.totals[total, TOTAL_CELL]]
            extremes.lower(rows, base + tables.totals[total, TOTAL_AT] + 1, extreme)


@compiled
def lose_all(rows, tiles, tables, base, clock):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take out of all windows of an entity the tiles that have left them at its clock."""
    for grid in range(len(tables.grids) - 1):
        head = rows.halves[2 * base + tables.grids[grid, GRID_HEAD]]
        for window in range(tables.grids[grid, GRID_WINDOWS], tables.grids[grid + 1, GRID_WINDOWS]):
            if rows.words[base + tables.windows[window, WINDOW_LOSS]] <= clock:
                lose(rows, tiles, tables, base, window, head, clock)
