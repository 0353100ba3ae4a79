"""The incremental executor's tiles: sparse partial aggregates of one entity over one hop, in compiled loops.

An entity's tiles of one grid (the windows with the same hop) are a linked list in both directions, newest first; a tile
exists only where the entity has events. All tiles that begin in the same span of time are a list, too: their bucket. It
is the calendar: at the boundary at which a bucket leaves a window its tiles are looked up once, and when it has left
the longest one they are freed. A span is a hop, or several where the windows of a grid have very many.

Hot path: no Python object per event or tile.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingestion.windows.image import Image, take
from ingestion.windows.layout import (
    CELL_AT,
    CELL_KIND,
    GRID_CELLS,
    GRID_HEAD,
    GRID_HOP,
    GRID_SPAN,
    GRID_WORDS,
    HEADER,
    LINE,
    MAX,
    MIN,
    NEWER,
    NEXT,
    NONE,
    OLDER,
    SLOT,
    START,
    Layout,
)
from ingestion.windows.memory import Words, compiled, grown, prefetch

Ints = NDArray[np.int64]

# Columns of `Pool.spare`: first free tile, number of free ones, first word never used, end of the words for this grid.
FREE, FREE_COUNT, FRESH, LIMIT = range(4)
_LEAST = 64


class Pool(NamedTuple):
    """Where tiles come from, and the buckets that they are in, for each grid.

    `keys` and `heads` (grids, buckets) are sorted by key, the number of the span; a head is a bucket's first tile.
    `counts` (grids, 2) has the number of buckets and the place of the one that was used last.
    """

    spare: Ints
    keys: Ints
    heads: Ints
    counts: Ints


class Tiles:
    """Memory of all tiles of a view.

    Attributes:
        words: The tiles, for the compiled loops.
        pool: Free ones and buckets, for the compiled loops.
    """

    def __init__(self, layout: Layout) -> None:
        grids = len(layout.hops)
        self._hops = np.array(layout.hops, dtype=np.int64)
        self._sizes = [int(words) for words in layout.tables.grids[:-1, GRID_WORDS]]
        self._spans = layout.tables.grids[:-1, GRID_SPAN]
        self._array: Ints = np.zeros(0, dtype=np.int64)
        self._end = 0
        self.words = Words.of(self._array)
        spare = np.zeros((grids, 4), dtype=np.int64)
        spare[:, FREE] = NONE
        buckets = np.zeros((2, grids, _LEAST), dtype=np.int64)
        self.pool = Pool(spare, buckets[0], buckets[1], np.zeros((grids, 2), dtype=np.int64))

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        return 8 * self._end + sum(array.nbytes for array in self.pool)

    def reserve(self, times: Ints) -> None:
        """Make room for the tiles and buckets of events at these instants (events,)."""
        count = len(times)
        spare = self.pool.spare
        for grid, size in enumerate(self._sizes):
            fresh = (spare[grid, LIMIT] - spare[grid, FRESH]) // size
            missing = count - int(spare[grid, FREE_COUNT] + fresh)
            if missing > 0:
                self._extend(grid, size, missing)
        spans = (int(times.max()) - int(times.min())) // self._spans + 2
        needed = int((self.pool.counts[:, 0] + np.minimum(spans, count)).max())
        if needed > self.pool.keys.shape[1]:
            self._widen(needed)

    def _extend(self, grid: int, size: int, count: int) -> None:
        """More words for a grid; what is left of its former ones becomes free tiles."""
        spare = self.pool.spare[grid]
        if spare[LIMIT] != self._end:
            _release(self.words, spare, size)
            spare[FRESH] = self._end
        used, self._end = self._end, self._end + -(-count * size // LINE) * LINE
        spare[LIMIT] = self._end
        if self._end > len(self._array):
            if self._end > np.iinfo(np.int32).max:
                raise MemoryError(
                    "the windows of a view need more than 16 GiB; divide its entities into more shares"
                )
            self._array = grown(self._array, used, self._end)
            self.words = Words.of(self._array)

    def _widen(self, buckets: int) -> None:
        old = self.pool
        shape = (len(self._sizes), max(buckets, 2 * old.keys.shape[1]))
        keys, heads = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
        keys[:, : old.keys.shape[1]], heads[:, : old.keys.shape[1]] = old.keys, old.heads
        self.pool = old._replace(keys=keys, heads=heads)

    def image(self) -> Image:
        """The arrays."""
        return {"words": self._array[: self._end], **self.pool._asdict()}

    def adopt(self, image: Image) -> None:
        """Take over the arrays of an image.

        Raises:
            ImageError: they are not there.
        """
        self._array = take(image, "words", np.int64)
        self._end = len(self._array)
        self.words = Words.of(self._array)
        self.pool = Pool(*(take(image, name, np.int64, dimensions=2) for name in Pool._fields))


@compiled
def _release(tiles, spare, size):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    while spare[FRESH] + size <= spare[LIMIT]:
        tiles.halves[2 * spare[FRESH] + NEXT] = spare[FREE]
        spare[FREE] = spare[FRESH]
        spare[FREE_COUNT] += 1
        spare[FRESH] += size


@compiled
def ask_for(tiles, tile, size):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Have the processor fetch a tile of so many words; NONE is allowed."""
    prefetch(tiles.words, max(tile, 0))
    prefetch(tiles.words, max(tile, 0) + size - 1)


@compiled
def find(rows, tiles, tables, base, grid, start):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The tile of an entity that begins at `start` or the last before it (else NONE), and the one after (else NONE)."""
    newer, tile = NONE, rows.halves[2 * base + tables.grids[grid, GRID_HEAD]]
    while tile != NONE and tiles.words[tile + START] > start:
        newer, tile = tile, tiles.halves[2 * tile + OLDER]
    return tile, newer


@compiled
def make(rows, tiles, pool, tables, base, slot, grid, start, older, newer):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """A tile without values between two others; both may be NONE."""
    tile = _take(tiles, pool.spare[grid], tables.grids[grid, GRID_WORDS])
    tiles.words[tile + START] = start
    tiles.halves[2 * tile + SLOT] = slot
    tiles.halves[2 * tile + NEWER] = newer
    tiles.halves[2 * tile + OLDER] = older
    for word in range(HEADER, tables.grids[grid, GRID_WORDS]):
        tiles.words[tile + word] = 0
    for cell in range(tables.grids[grid, GRID_CELLS], tables.grids[grid + 1, GRID_CELLS]):
        if tables.cells[cell, CELL_KIND] in (MIN, MAX):
            tiles.floats[tile + tables.cells[cell, CELL_AT]] = np.nan
    if newer == NONE:
        rows.halves[2 * base + tables.grids[grid, GRID_HEAD]] = tile
    else:
        tiles.halves[2 * newer + OLDER] = tile
    if older != NONE:
        tiles.halves[2 * older + NEWER] = tile
    bucket = _bucket(pool, grid, start // tables.grids[grid, GRID_SPAN])
    tiles.halves[2 * tile + NEXT] = pool.heads[grid, bucket]
    pool.heads[grid, bucket] = tile
    return tile


@compiled
def _take(tiles, spare, size):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    tile = spare[FREE]
    if tile == NONE:
        tile = spare[FRESH]
        spare[FRESH] += size
    else:
        spare[FREE] = tiles.halves[2 * tile + NEXT]
        spare[FREE_COUNT] -= 1
        ask_for(tiles, spare[FREE], size)
    return tile


@compiled
def place_of(keys, count, key):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Place of the first of `count` sorted keys that is not less than `key`."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def _bucket(pool, grid, key):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    keys, heads, counts = pool.keys[grid], pool.heads[grid], pool.counts[grid]
    if counts[1] < counts[0] and keys[counts[1]] == key:
        return counts[1]
    place = place_of(keys, counts[0], key)
    if place == counts[0] or keys[place] != key:
        for later in range(counts[0], place, -1):
            keys[later], heads[later] = keys[later - 1], heads[later - 1]
        keys[place], heads[place] = key, NONE
        counts[0] += 1
    counts[1] = place
    return place


@compiled
def free_buckets(rows, tiles, pool, tables, width, grid, end):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Free the tiles of all buckets whose last tile begins at or before `end`."""
    span, hop = tables.grids[grid, GRID_SPAN], tables.grids[grid, GRID_HOP]
    keys, heads, counts = pool.keys[grid], pool.heads[grid], pool.counts[grid]
    past = 0
    while past < counts[0] and (keys[past] + 1) * span - hop <= end:
        _free_bucket(rows, tiles, pool.spare[grid], width, tables.grids[grid, GRID_HEAD], heads[past])
        past += 1
    for place in range(past, counts[0] if past else past):
        keys[place - past], heads[place - past] = keys[place], heads[place]
    counts[0] -= past
    counts[1] = 0


@compiled
def _free_bucket(rows, tiles, spare, width, head_at, tile):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    while tile != NONE:
        head, newer = 2 * width * tiles.halves[2 * tile + SLOT] + head_at, tiles.halves[2 * tile + NEWER]
        if newer != NONE:
            tiles.halves[2 * newer + OLDER] = NONE
        elif rows.halves[head] == tile:
            rows.halves[head] = NONE
        following = tiles.halves[2 * tile + NEXT]
        prefetch(tiles.words, max(tiles.halves[2 * max(following, 0) + NEWER], 0))
        tiles.halves[2 * tile + NEXT] = spare[FREE]
        spare[FREE] = tile
        spare[FREE_COUNT] += 1
        tile = following
