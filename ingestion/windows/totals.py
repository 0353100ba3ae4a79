"""Running totals of an entity's windows, in compiled loops: what the tiles inside each window add up to.

Counts and sums are invertible: an event is added, a tile that leaves is subtracted; the tail of a window is the oldest
tile inside it, and from there the way to the next one leads through `newer`. A total is summed up anew from the tiles
when what is left is so small beside what it was that rounding could show.

Extremes are not invertible. They are kept as two stacks: the tiles from the tail to the flip have the extreme from
themselves to the flip (`suffix`), so the front's extreme is that of the tail; the tiles after the flip have one running
extreme (`back`). Once all tiles of the front have left, the window is turned: one walk back from the newest tile makes
new suffixes and moves the flip. Every tile enters a front once and leaves each window once, whatever the values: the
cost per event does not depend on the length of the window. The newest tile never belongs to the front, so that only a
late event has to correct suffixes.

`rows` and `tiles` are `Words`; `base` is the first word of an entity's row; `window` a row of the table of windows.
Totals and clock go together: the totals of a window are those of the tiles with ``start + length > clock``.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingestion.windows import exact
from ingestion.windows.layout import (
    COUNT,
    DISTINCT,
    ENDLESS,
    MAX,
    MIN,
    NEWER,
    NONE,
    OLDER,
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


class Words(NamedTuple):
    """One memory as integers, as floats and as integers of half the size."""

    words: NDArray[np.int64]
    floats: NDArray[np.float64]
    halves: NDArray[np.int32]

    @classmethod
    def of(cls, words: NDArray[np.int64]) -> "Words":
        """Views of an array, one-dimensional."""
        return cls(words, words.view(np.float64), words.view(np.int32))


@compiled
def put(memory, at, kind, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take a value into a cell of a tile, or into a total of an invertible kind."""
    if kind in (COUNT, DISTINCT):
        memory.words[at] += 1
    elif kind == SUM:
        _add(memory, at, x, 0.0)
    elif kind in (MIN, MAX):
        _lower(memory, at, signed(kind, x))
    else:
        square, error = exact.two_product(x, x)
        _add(memory, at, square, error)


@compiled
def signed(kind, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """A value as an extreme keeps it: the smallest one is wanted."""
    return x if kind == MIN else -x


@compiled
def _add(memory, at, high, low):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    memory.floats[at], memory.floats[at + 1] = exact.add(memory.floats[at], memory.floats[at + 1], high, low)


@compiled
def _lower(memory, at, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if not memory.floats[at] <= x and not math.isnan(x):
        memory.floats[at] = x


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
        turn(rows, tiles, tables, base, window, head)
    elif w[WINDOW_TURNS]:
        _read_front(rows, tiles, tables, base, window)
    _sum_up_faded(rows, tiles, tables, base, window)


@compiled
def _read_front(rows, tiles, tables, base, window):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
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
    if not w[WINDOW_TURNS] or not is_in_front(rows, tiles, base, w[WINDOW_FLIP], tile):
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
def take_event(rows, tiles, tables, base, window, tile, x, event):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Add the values of an event to the totals of a window that covers its tile; `x` (channels, events)."""
    w = tables.windows[window]
    in_front = w[WINDOW_TURNS] and is_in_front(rows, tiles, base, w[WINDOW_FLIP], tile)
    for total in range(w[WINDOW_TOTALS], tables.windows[window + 1, WINDOW_TOTALS]):
        kind, at = tables.totals[total, TOTAL_KIND], base + tables.totals[total, TOTAL_AT]
        value = x[tables.totals[total, TOTAL_CHANNEL], event]
        if math.isnan(value) or kind == DISTINCT:
            continue
        if kind not in (MIN, MAX):
            put(rows, at, kind, value)
            if kind != COUNT:
                _raise_peak(rows, at)
        elif in_front:
            tail, suffix = rows.halves[2 * base + w[WINDOW_TAIL]], tables.totals[total, TOTAL_SUFFIX]
            _correct(tiles, tile, tail, suffix, signed(kind, value))
            rows.floats[at] = tiles.floats[tail + suffix]
        else:
            _lower(rows, at + 1, signed(kind, value))


@compiled
def _correct(tiles, tile, tail, suffix, x):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Take a late value into the suffixes from its tile to the tail; those beyond one that has a smaller one do, too."""
    while not tiles.floats[tile + suffix] <= x:
        tiles.floats[tile + suffix] = x
        if tile == tail:
            return
        tile = tiles.halves[2 * tile + OLDER]


@compiled
def sum_up(rows, tiles, tables, base, window, head, clock):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Make the totals of a window anew from the tiles that it covers at the entity's clock."""
    clear(rows, tables, base, window)
    w = tables.windows[window]
    tail, tile = NONE, head
    while tile != NONE and tiles.words[tile + START] + w[WINDOW_LENGTH] > clock:
        take_tile(rows, tiles, tables, base, window, tile, 1)
        tail = tile
        tile = tiles.halves[2 * tile + OLDER]
    if tail == NONE:
        return
    rows.words[base + w[WINDOW_LOSS]] = tiles.words[tail + START] + w[WINDOW_LENGTH]
    rows.halves[2 * base + w[WINDOW_TAIL]] = tail
    if w[WINDOW_TURNS]:
        turn(rows, tiles, tables, base, window, head)
