"""The state of a view's windows: rows of the entities, their tiles and the values they had, as a handful of arrays."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ingestion.windows import boundaries, values
from ingestion.windows.arrays import CHANGED, CHANGES, WAITING, WAITS, Arrays, take_waiting
from ingestion.windows.distinct import Distinct
from ingestion.windows.events import take_events
from ingestion.windows.image import Image, ImageError, nest, part, take
from ingestion.windows.layout import LAST_AT, LAST_CHANNEL, NEVER, SET_CHANNEL, Layout
from ingestion.windows.memory import Words, grown
from ingestion.windows.tiles import Tiles

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
_BLOCK = 256


@dataclass(frozen=True)
class Evaluation:
    """Rows of entities.

    Attributes:
        clocks: The instants at which they hold, shape (entities,).
        is_empty: True where nothing is in any window, shape (entities,).
        values: By feature, NaN for null, shape (features, entities).
    """

    clocks: Ints
    is_empty: NDArray[np.bool_]
    values: Floats


class State:
    """What is known of the entities of a view; they are numbered by slots."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._empty = layout.empty_row()
        self._rows: Ints = np.zeros(0, dtype=np.int64)
        self._flags: NDArray[np.uint8] = np.zeros(0, dtype=np.uint8)
        self._changed: NDArray[np.int32] = np.zeros(0, dtype=np.int32)
        self._counts: Ints = np.zeros(2, dtype=np.int64)
        self._made = 0
        self._cursor = 0
        self._tiles = Tiles(layout)
        self._distinct = Distinct()
        self._settled = True
        self.now_us = NEVER

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        own = self._made * (8 * self._layout.words + self._flags.itemsize + self._changed.itemsize)
        return own + self._tiles.nbytes + self._distinct.nbytes

    @property
    def waiting(self) -> int:
        """Number of entities whose row waits."""
        return int(self._counts[WAITS])

    @property
    def _last_boundary(self) -> int:
        return max(self.now_us // hop * hop for hop in self._layout.hops) if self.now_us > NEVER else NEVER

    @cached_property
    def _arrays(self) -> Arrays:
        return Arrays(
            Words.of(self._rows),
            self._tiles.words,
            self._tiles.pool,
            self._distinct.entries,
            self._distinct.table,
            self._distinct.state,
            self._flags,
            self._changed,
            self._counts,
        )

    def take(self, slots: Ints, times: Ints, arrivals: Ints, x: Floats, *, live: bool) -> int:
        """Take events in, in arrival order; returns how many are older than every window.

        Args:
            slots: Entities, -1 for an event without one, shape (events,).
            times: Event times, shape (events,).
            arrivals: Arrival times, shape (events,).
            x: The channels, NaN for null, shape (channels, events).
            live: Keep the totals up to date; else they are made when they are needed.
        """
        if live:
            self._settle()
        self._settled = live
        self._reserve(int(slots.max()) + 1, times)
        return int(
            take_events(
                self._arrays, self._layout.tables, self._layout.words,
                slots, times, arrivals, x, self._last_boundary, live,
            )
        )  # fmt: skip

    def _reserve(self, slots: int, times: Ints) -> None:
        self._tiles.reserve(times)
        self._distinct.reserve(len(times) * len(self._layout.tables.sets), self.now_us, self._layout.tables)
        if slots > self._made:
            words = self._layout.words
            self._rows = grown(self._rows, self._made * words, slots * words)
            self._flags = grown(self._flags, self._made, slots)
            self._changed = grown(self._changed, self._made, slots)
            self._rows[self._made * words : slots * words].reshape(-1, words)[:] = self._empty
            self._made = slots
        self.__dict__.pop("_arrays", None)

    def advance(self, now_us: int) -> None:
        """Pass all boundaries up to and including `now_us`; an earlier instant than the last one does nothing."""
        if now_us > self.now_us:
            since, self.now_us = self.now_us, now_us
            boundaries.pass_boundaries(
                self._arrays,
                self._layout.tables,
                self._layout.words,
                since,
                now_us,
                self._settled,
                np.empty(_BLOCK, dtype=np.int64),
            )

    def _settle(self) -> None:
        if not self._settled:
            self._settled = True
            boundaries.settle(
                self._arrays,
                self._layout.tables,
                self._layout.words,
                self._made,
                self._last_boundary,
                np.empty(_BLOCK, dtype=np.int64),
            )

    def take_changed(self) -> Ints:
        """Entities that events changed since the last call, shape (entities,); they do not wait any more."""
        self._settle()
        slots = self._changed[: self._counts[CHANGES]].astype(np.int64)
        self._counts[CHANGES] = 0
        self._flags[slots] = 0
        return slots

    def take_waiting(self, most: int) -> Ints:
        """Up to `most` of the entities that wait, shape (entities,)."""
        self._settle()
        slots = np.empty(max(0, min(most, self.waiting)), dtype=np.int64)
        if len(slots):
            self._cursor = take_waiting(self._arrays, self._made, self._cursor, slots)
        return slots

    def let_wait(self, slots: Ints) -> None:
        """Let the rows of entities wait."""
        self._settle()
        fresh = slots[self._flags[slots] & (CHANGED | WAITING) == 0]
        self._flags[fresh] |= WAITING
        self._counts[WAITS] += len(fresh)

    def evaluate(self, slots: Ints) -> Evaluation:
        """The rows of entities (entities,)."""
        self._settle()
        found = Evaluation(
            np.empty(len(slots), dtype=np.int64),
            np.empty(len(slots), dtype=np.bool_),
            np.empty((len(self._layout.tables.values), len(slots))),
        )
        values.evaluate(
            self._arrays.rows, self._layout.tables, self._layout.words,
            slots, found.clocks, found.is_empty, found.values,
        )  # fmt: skip
        return found

    def forget(self, slots: Ints) -> None:
        """Return empty entities to the state of those never seen."""
        self._rows[: self._made * self._layout.words].reshape(-1, self._layout.words)[slots] = self._empty

    def values_of(self, channel: int) -> Floats:
        """The values of a channel that rows or windows refer to, in any order, some several times."""
        tables = self._layout.tables
        rows = self._rows[: self._made * self._layout.words].reshape(-1, self._layout.words)
        newest = [
            rows[rows[:, at] > NEVER, at + 2].view(np.float64)
            for at in tables.lasts[tables.lasts[:, LAST_CHANNEL] == channel, LAST_AT]
        ]
        kinds = np.flatnonzero(tables.sets[:, SET_CHANNEL] == channel)
        return np.concatenate([*newest, *(self._distinct.values_of(int(kind)) for kind in kinds)])

    def image(self) -> Image:
        """The arrays."""
        self._settle()
        return {
            "rows": self._rows[: self._made * self._layout.words],
            "flags": self._flags[: self._made],
            "changed": self._changed[: self._counts[CHANGES]],
            "counts": self._counts,
            "now": np.array([self.now_us], dtype=np.int64),
            **nest("tiles", self._tiles.image()),
            **nest("distinct", self._distinct.image()),
        }

    @classmethod
    def from_image(cls, layout: Layout, image: Image) -> "State":
        """The state behind an image, whose arrays it takes over.

        Raises:
            ImageError: the image is of another layout.
        """
        state = cls(layout)
        state._rows, state._flags = take(image, "rows", np.int64), take(image, "flags", np.uint8)
        state._counts = take(image, "counts", np.int64)
        state._made = len(state._flags)
        changed = take(image, "changed", np.int32)
        state._changed = grown(changed, len(changed), state._made)
        if len(state._rows) != state._made * layout.words:
            raise ImageError(
                f"the image has {len(state._rows)} words for {state._made} rows of {layout.words} words"
            )
        state.now_us = int(take(image, "now", np.int64)[0])
        state._tiles.adopt(part(image, "tiles"))
        state._distinct.adopt(part(image, "distinct"))
        return state
