"""The incremental executor's tiles: sparse partial aggregates of one entity over one hop, in compiled loops.

A grid holds the tiles of all windows with the same hop. An entity's tiles are a linked list, newest first; a tile
exists only where the entity has events. Hot path: no Python object per event or tile.

`slots` number the entities; `x` (channels, events) are the channels of the grid, NaN for null.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ingestion.windows import partials

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Links = NDArray[np.int32]
NONE = -1


class Grid:
    """Tiles of one hop.

    Attributes:
        hop_us: Length of a tile.
        longest_us: Longest window on this grid; an older tile is of no use.
    """

    def __init__(self, hop_us: int, longest_us: int, channels: int) -> None:
        self.hop_us = hop_us
        self.longest_us = longest_us
        self.index: Ints = np.empty(0, dtype=np.int64)
        self.older: Links = np.empty(0, dtype=np.int32)
        self.partials: Floats = np.empty((0, channels, partials.WIDTH))
        self.newest: Links = np.empty(0, dtype=np.int32)
        self._free: Links = np.empty(0, dtype=np.int32)
        self._free_count = np.zeros(1, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.index) - int(self._free_count[0])

    @property
    def nbytes(self) -> int:
        """Memory held by the arrays."""
        return sum(a.nbytes for a in (self.index, self.older, self.partials, self.newest, self._free))

    def reserve(self, slots: int, tiles: int) -> None:
        """Make room for slots below `slots` and for `tiles` further tiles."""
        if slots > len(self.newest):
            self.newest = _grown(self.newest, slots, NONE)
        if tiles > self._free_count[0]:
            self._grow(max(len(self.index), tiles, 1024))

    def _grow(self, more: int) -> None:
        size = len(self.index)
        self.index = _grown(self.index, size + more, 0)
        self.older = _grown(self.older, size + more, NONE)
        self.partials = np.concatenate([self.partials, np.zeros((more, *self.partials.shape[1:]))])
        count = int(self._free_count[0])
        fresh = np.arange(size + more - 1, size - 1, -1, dtype=np.int32)
        self._free = np.concatenate([self._free[:count], fresh, np.empty(size - count, dtype=np.int32)])
        self._free_count[0] = count + more

    def fold(self, slots: Ints, times: Ints, needed_after: Ints, x: Floats) -> tuple[Ints, Ints]:
        """Add events, each unless its tile has left every window by `needed_after` (events,).

        Returns:
            Slot and index of every tile that was created.
        """
        self.reserve(0, len(slots))
        made = np.empty(len(slots), dtype=np.int64)
        count = _fold(
            slots, times, needed_after, x, self.hop_us, self.longest_us,
            self.index, self.older, self.partials, self.newest, self._free, self._free_count, made,
        )  # fmt: skip
        events = made[:count]
        return slots[events], times[events] // self.hop_us

    def evaluate(self, slots: Ints, clocks: Ints, channel: int, window_us: int, functions: Ints) -> Floats:
        """Values (functions, slots) of one window at each slot's clock (slots,)."""
        out = np.empty((len(functions), len(slots)))
        first = clocks // self.hop_us + 1 - window_us // self.hop_us
        _evaluate(slots, first, channel, self.index, self.older, self.partials, self.newest, functions, out)
        return out

    def evict(self, slots: Ints, clocks: Ints) -> None:
        """Free the tiles that have left every window at each slot's clock."""
        first = clocks // self.hop_us + 1 - self.longest_us // self.hop_us
        _evict(slots, first, self.index, self.older, self.newest, self._free, self._free_count)

    def is_empty(self, slots: Ints) -> NDArray[np.bool_]:
        """True where an entity has no tile."""
        return np.asarray(self.newest[slots] == NONE)


def _grown(array: NDArray[Any], size: int, fill: int) -> NDArray[Any]:
    grown = np.full(max(size, 2 * len(array)) if fill == NONE else size, fill, dtype=array.dtype)
    grown[: len(array)] = array
    return grown


@njit(cache=True)
def _fold(slots, times, needed_after, x, hop, longest, index, older, part, newest, free, free_count, made):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    count = 0
    for event in range(len(slots)):
        number = times[event] // hop
        if number * hop + longest <= needed_after[event]:
            continue
        slot = slots[event]
        newer, tile = NONE, newest[slot]
        while tile != NONE and index[tile] > number:
            newer, tile = tile, older[tile]
        if tile == NONE or index[tile] != number:
            free_count[0] -= 1
            fresh = free[free_count[0]]
            index[fresh] = number
            older[fresh] = tile
            for channel in range(part.shape[1]):
                partials.zero(part[fresh, channel])
            if newer == NONE:
                newest[slot] = fresh
            else:
                older[newer] = fresh
            tile = fresh
            made[count] = event
            count += 1
        for channel in range(part.shape[1]):
            if not np.isnan(x[channel, event]):
                partials.add(part[tile, channel], x[channel, event])
    return count


@njit(cache=True)
def _evaluate(slots, first, channel, index, older, part, newest, functions, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    total = np.empty(partials.WIDTH)
    for i in range(len(slots)):
        partials.zero(total)
        tile = newest[slots[i]]
        while tile != NONE and index[tile] >= first[i]:
            partials.merge(total, part[tile, channel])
            tile = older[tile]
        for f in range(len(functions)):
            out[f, i] = partials.result(total, functions[f])


@njit(cache=True)
def _evict(slots, first, index, older, newest, free, free_count):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for i in range(len(slots)):
        slot = slots[i]
        newer, tile = NONE, newest[slot]
        while tile != NONE and index[tile] >= first[i]:
            newer, tile = tile, older[tile]
        if newer == NONE:
            newest[slot] = NONE
        else:
            older[newer] = NONE
        while tile != NONE:
            free[free_count[0]] = tile
            free_count[0] += 1
            tile = older[tile]
