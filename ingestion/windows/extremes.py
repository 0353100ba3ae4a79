"""The extremes of an entity's windows, in compiled loops: two stacks, so that none is searched for.

Minima and maxima are not invertible. The tiles from a window's tail to its flip, the front, have the extreme from
themselves to the flip (`suffix`), so that of the front is that of the tail; the tiles after the flip, the back, have one
running extreme. Once all tiles of the front have left, the window is turned: one walk back from the newest tile makes new
suffixes and moves the flip. Every tile enters a front once and leaves each window once, whatever the values: the cost per
event does not depend on the length of the window. The newest tile never belongs to the front, so that only a late event
has to correct suffixes.

A maximum is kept as the minimum of the negated values; NaN where there are none. Arguments as in `totals`.
"""

import math

from ingestion.windows.layout import (
    MIN,
    NEWER,
    NONE,
    OLDER,
    START,
    TOTAL_AT,
    TOTAL_CELL,
    TOTAL_SUFFIX,
    WINDOW_FLIP,
    WINDOW_TAIL,
    WINDOW_TOTALS,
)
from ingestion.windows.memory import compiled


@compiled
def signed(kind, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """A value as an extreme keeps it: the smallest one is wanted."""
    return x if kind == MIN else -x


@compiled
def lower(memory, at, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take a value into the smallest one; NaN is none."""
    if not memory.floats[at] <= x and not math.isnan(x):
        memory.floats[at] = x


@compiled
def read_front(rows, tiles, tables, base, window):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Make the extremes of the front those of a new tail."""
    w = tables.windows[window]
    tail, flip = rows.halves[2 * base + w[WINDOW_TAIL]], rows.halves[2 * base + w[WINDOW_FLIP]]
    for total in range(w[WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
        suffix = tables.totals[total, TOTAL_SUFFIX]
        if suffix != NONE:
            front = math.nan if flip == NONE else tiles.floats[tail + suffix]
            rows.floats[base + tables.totals[total, TOTAL_AT]] = front


@compiled
def turn(rows, tiles, tables, base, window, head):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Make all tiles of a window but the newest the front of its extremes."""
    w = tables.windows[window]
    tail = rows.halves[2 * base + w[WINDOW_TAIL]]
    flip = NONE if tail == head else tiles.halves[2 * head + OLDER]
    rows.halves[2 * base + w[WINDOW_FLIP]] = flip
    for total in range(w[WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
        suffix = tables.totals[total, TOTAL_SUFFIX]
        if suffix == NONE:
            continue
        cell, at = tables.totals[total, TOTAL_CELL], base + tables.totals[total, TOTAL_AT]
        extreme, tile = math.nan, head
        while tile != tail:
            tile = tiles.halves[2 * tile + OLDER]
            x = tiles.floats[tile + cell]
            if not extreme <= x and not math.isnan(x):
                extreme = x
            tiles.floats[tile + suffix] = extreme
        rows.floats[at], rows.floats[at + 1] = extreme, tiles.floats[head + cell]


@compiled
def enter(rows, tiles, tables, base, window, tile):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Let a tile without values, just made, into a window that covers it."""
    w, newer = tables.windows[window], tiles.halves[2 * tile + NEWER]
    if not is_in_front(rows, tiles, base, w[WINDOW_FLIP], tile):
        return
    for total in range(w[WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
        suffix = tables.totals[total, TOTAL_SUFFIX]
        if suffix != NONE:
            tiles.floats[tile + suffix] = tiles.floats[newer + suffix]


@compiled
def is_in_front(rows, tiles, base, flip_at, tile):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Whether a tile lies at or before the flip."""
    flip = rows.halves[2 * base + flip_at]
    if flip == NONE or tiles.halves[2 * tile + NEWER] == NONE:
        return False
    return tiles.words[tile + START] <= tiles.words[flip + START]


@compiled
def take(rows, tiles, tables, base, window, tile, total, x, in_front):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take a value of a tile into an extreme of a window."""
    at, suffix = base + tables.totals[total, TOTAL_AT], tables.totals[total, TOTAL_SUFFIX]
    if in_front:
        tail = rows.halves[2 * base + tables.windows[window, WINDOW_TAIL]]
        _correct(tiles, tile, tail, suffix, x)
        rows.floats[at] = tiles.floats[tail + suffix]
    else:
        lower(rows, at + 1, x)


@compiled
def _correct(tiles, tile, tail, suffix, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Take a late value into the suffixes from its tile to the tail; those beyond one that has a smaller one do, too."""
    while not tiles.floats[tile + suffix] <= x:
        tiles.floats[tile + suffix] = x
        if tile == tail:
            return
        tile = tiles.halves[2 * tile + OLDER]
