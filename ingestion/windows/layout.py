"""Where the state of a view lies in memory: what each word of an entity's row and of a tile holds.

An entity has one row of 8-byte words, so that an event finds all it needs side by side:

    clock | head of the tile list of each grid | per window: next loss, tail, flip, totals | per `last`: time, arrival, value

A tile is a record of words, too: start (microseconds), entity, newer tile, older tile, next tile of its bucket, its
partial aggregates (cells), and for each window with a minimum or maximum the extreme from this tile to the window's
flip. A cell has only what the features of its grid need: 8 bytes for a count, 16 for a sum.

Tiles are pointed to by the number of their first word, entities by their slot; both fit 32 bits.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingestion.windows.channels import Encoder
from ingestion.windows.spec import ViewSpec, WindowedFeature

Ints = NDArray[np.int64]

NONE = -1
NEVER = -(2**62)
"""Before every instant."""
ENDLESS = 2**62
"""After every instant."""

# Kinds of cells and totals. A maximum is kept as the minimum of the negated values; NaN where there are none.
COUNT, SUM, SQUARES, MIN, MAX, DISTINCT = range(6)
_KINDS = {
    "count": (COUNT,),
    "sum": (SUM,),
    "mean": (COUNT, SUM),
    "std": (COUNT, SUM, SQUARES),
    "min": (MIN,),
    "max": (MAX,),
    "count_distinct": (DISTINCT,),
}
_CELL_WORDS = {COUNT: 1, SUM: 2, SQUARES: 2, MIN: 1, MAX: 1, DISTINCT: 1}
# A sum has the largest value that it had since it was last summed up, an extreme is that of front and back.
_TOTAL_WORDS = {COUNT: 1, SUM: 3, SQUARES: 3, MIN: 2, MAX: 2, DISTINCT: 1}

LINE = 8
"""Words of a cache line."""
CLOCK = 0
"""Word of a row."""
START, HEADER = 0, 3
"""Words of a tile: its start, and how many come before its cells."""
SLOT, NEWER, OLDER, NEXT = 2, 3, 4, 5
"""Halves of words of a tile."""

# Columns of the tables.
GRID_HOP, GRID_LONGEST, GRID_WORDS, GRID_HEAD, GRID_SPAN, GRID_CELLS, GRID_WINDOWS = range(7)
WINDOW_LENGTH, WINDOW_LOSS, WINDOW_TAIL, WINDOW_FLIP, WINDOW_TOTALS, WINDOW_TURNS = range(6)
CELL_KIND, CELL_CHANNEL, CELL_AT = range(3)
TOTAL_KIND, TOTAL_CHANNEL, TOTAL_CELL, TOTAL_AT, TOTAL_SUFFIX = range(5)
LAST_CHANNEL, LAST_AT = range(2)
SET_GRID, SET_CHANNEL, SET_CELL = range(3)
VALUE_FUNCTION, VALUE_A, VALUE_B, VALUE_C, VALUE_HOP, VALUE_LENGTH = range(6)

# Functions of the evaluation.
TAKE, ADD, MEAN, STD, LOWEST, HIGHEST, LAST = range(7)

MOST_BUCKETS = 2048


class Tables(NamedTuple):
    """The layout as the compiled loops read it, each (rows, columns); see the column names above.

    `grids` and `windows` have one row more than there are: where the cells, windows and totals of the last one end.
    """

    grids: Ints
    windows: Ints
    cells: Ints
    totals: Ints
    lasts: Ints
    sets: Ints
    values: Ints


@dataclass
class Layout:
    """The layout of a view.

    Attributes:
        words: Length of a row, whole cache lines.
        hops: The hop of each grid, in microseconds.
        tables: For the compiled loops.
    """

    spec: ViewSpec
    encoder: Encoder
    words: int = 1
    hops: tuple[int, ...] = ()
    tables: Tables = field(init=False)
    _cells: list[list[int]] = field(default_factory=list)
    _totals: list[list[int]] = field(default_factory=list)
    _found: dict[tuple[int, int, int, int], int] = field(default_factory=dict)
    """Word of a row by (window, hop, kind, channel)."""

    def __post_init__(self) -> None:
        self.hops = tuple(sorted({hop for _, hop in self.spec.windows}))
        heads = self._take((len(self.hops) + 1) // 2)
        grids: list[list[int]] = []
        windows: list[list[int]] = []
        for place, hop in enumerate(self.hops):
            first_cell, first_window = len(self._cells), len(windows)
            lengths = sorted(window for window, h in self.spec.windows if h == hop)
            cells, words = self._make_cells(hop)
            for length in lengths:
                row, words = self._make_window(length, hop, cells, words)
                windows.append(row)
            span = hop * max(1, -(-lengths[-1] // hop // MOST_BUCKETS))
            grids.append([hop, lengths[-1], words, 2 * heads + place, span, first_cell, first_window])
        grids.append([0, 0, 0, 0, 0, len(self._cells), len(windows)])
        windows.append([0, 0, 0, 0, len(self._totals), 0])
        lasts = self._make_lasts()
        self._take(-self.words % LINE)
        self.tables = Tables(
            _table(grids, 7), _table(windows, 6), _table(self._cells, 3), _table(self._totals, 5),
            _table(lasts, 2), _table(self._sets(), 3), _table([self._value(f) for f in self.spec.features], 6),
        )  # fmt: skip

    def _take(self, words: int) -> int:
        self.words += words
        return self.words - words

    def _needed(self, hop: int, length: int | None = None) -> list[tuple[int, int]]:
        """Kinds and channels that the features of a grid (or of one of its windows) need, each once, in order."""
        found = {
            (self.encoder.position(f), kind): None
            for f in self.spec.features
            if f.hop_us == hop and length in (None, f.window_us)
            for kind in _KINDS.get(f.function, ())
        }
        return [(kind, channel) for channel, kind in sorted(found)]

    def _make_cells(self, hop: int) -> tuple[dict[tuple[int, int], int], int]:
        words = HEADER
        cells = {}
        for kind, channel in self._needed(hop):
            cells[kind, channel] = words
            self._cells.append([kind, channel, words])
            words += _CELL_WORDS[kind]
        return cells, words

    def _make_window(
        self, length: int, hop: int, cells: dict[tuple[int, int], int], words: int
    ) -> tuple[list[int], int]:
        loss, ends = self._take(1), self._take(1)
        first, turns = len(self._totals), 0
        for kind, channel in self._needed(hop, length):
            suffix = NONE
            if kind in (MIN, MAX):
                suffix, words, turns = words, words + 1, 1
            at = self._found[length, hop, kind, channel] = self._take(_TOTAL_WORDS[kind])
            self._totals.append([kind, channel, cells[kind, channel], at, suffix])
        return [length, loss, 2 * ends, 2 * ends + 1, first, turns], words

    def _make_lasts(self) -> list[list[int]]:
        channels = sorted({self.encoder.position(f) for f in self.spec.features if f.function == "last"})
        rows = []
        for channel in channels:
            at = self._found[0, 0, LAST, channel] = self._take(3)
            rows.append([channel, at])
        return rows

    def _sets(self) -> list[list[int]]:
        """Grid, channel and cell of the values to count."""
        return [
            [self.hops.index(hop), channel, at]
            for hop in self.hops
            for kind, channel, at in self._cells_of(hop)
            if kind == DISTINCT
        ]

    def _cells_of(self, hop: int) -> list[list[int]]:
        sizes = [len(self._needed(h)) for h in self.hops]
        place = self.hops.index(hop)
        return self._cells[sum(sizes[:place]) : sum(sizes[: place + 1])]

    def _value(self, f: WindowedFeature) -> list[int]:
        channel, window = self.encoder.position(f), (f.window_us, f.hop_us)
        if f.function == "last":
            return [LAST, self._found[0, 0, LAST, channel], 0, 0, f.hop_us, f.window_us]
        at = [self._found[*window, kind, channel] for kind in _KINDS[f.function]]
        how = {"sum": ADD, "mean": MEAN, "std": STD, "min": LOWEST, "max": HIGHEST}.get(f.function, TAKE)
        return [how, *at, *[0] * (3 - len(at)), f.hop_us, f.window_us]

    def empty_row(self) -> Ints:
        """The row of an entity never seen, shape (words,)."""
        row = np.zeros(self.words, dtype=np.int64)
        floats, links = row.view(np.float64), row.view(np.int32)
        row[CLOCK] = NEVER
        links[self.tables.grids[:-1, GRID_HEAD]] = NONE
        row[self.tables.windows[:-1, WINDOW_LOSS]] = ENDLESS
        links[self.tables.windows[:-1, WINDOW_TAIL]] = NONE
        links[self.tables.windows[:-1, WINDOW_FLIP]] = NONE
        for kind, _, _, at, _ in self._totals:
            if kind in (MIN, MAX):
                floats[at : at + 2] = np.nan
        row[self.tables.lasts[:, LAST_AT]] = NEVER
        return row


def _table(rows: list[list[int]], columns: int) -> Ints:
    return np.array(rows, dtype=np.int64).reshape(-1, columns)
