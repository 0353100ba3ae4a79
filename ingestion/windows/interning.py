"""Rows of one or more columns as small numbers, and back.

Hot path: the loops are compiled (see `hashing`) and no row becomes a Python object. Numbers are exact: rows are told
apart by their bytes, a hash only says where to look.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows import cells, hashing
from ingestion.windows.hashing import Stored
from ingestion.windows.image import Image, ImageError, as_array, as_value, take
from ingestion.windows.memory import grown, zeros
from ingestion.windows.raw import Bytes, Ints, Layout, Lengths, Raw, from_bytes, from_fixed, present, to_raw

_BLOCK = 8192
"""Rows that are looked up together: a later block finds what an earlier one has added."""
_LEAST = 64


class Interner:
    """Numbers 0, 1, 2, ... of rows, in order of appearance; a number that was removed is given again."""

    def __init__(self, dtypes: Sequence[pl.DataType]) -> None:
        """Start without rows.

        Raises:
            TypeError: for a type that cannot be interned (nested ones).
        """
        self._layout = Layout(tuple(dtypes))
        self._table = cells.table_for(0)
        self._fixed: Ints = np.zeros((_LEAST, len(self._layout.fixed)), dtype=np.int64)
        self._spans: Ints = np.zeros((_LEAST, len(self._layout.texts)), dtype=np.int64)
        self._arena: Bytes = np.zeros(_LEAST, dtype=np.uint8)
        self._link: Lengths = np.zeros(_LEAST, dtype=np.int32)
        self._state: Ints = np.array([0, hashing.NONE, 0, 0, 0], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._state[hashing.COUNT])

    @property
    def capacity(self) -> int:
        """One more than the highest number that was ever given."""
        return int(self._state[hashing.TOP])

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        row = self._link.itemsize + 8 * (self._fixed.shape[1] + self._spans.shape[1])
        return self._table.nbytes + self.capacity * row + int(self._state[hashing.END])

    @property
    def _stored(self) -> Stored:
        return Stored(self._fixed, self._spans, self._arena)

    def intern(self, columns: Sequence[pl.Series]) -> Ints:
        """Number of each row, shape (rows,); -1 for a row with a null. New rows get a number."""
        raw = to_raw(self._layout, columns)
        whole = present(columns)
        numbers = np.empty(len(whole), dtype=np.int64)
        for begin in range(0, len(whole), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            part = Raw(raw.fixed[block], raw.starts[block], raw.lengths[block], raw.data)
            self._intern(part, whole[block], numbers[block])
        return numbers

    def _intern(self, raw: Raw, whole: NDArray[np.bool_], numbers: Ints) -> None:
        hashes = _hashes(raw, np.arange(len(numbers)))
        hashing.find(self._table, hashes, raw, self._stored, numbers)
        numbers[~whole] = hashing.NONE
        rows = np.flatnonzero((numbers == hashing.NONE) & whole)
        while len(rows):
            done = hashing.insert(
                self._table,
                hashes,
                raw,
                self._stored,
                self._link,
                self._state,
                cells.room(self._table),
                rows,
                numbers,
            )
            rows = rows[done:]
            if len(rows):
                self._grow(int(raw.lengths[rows[0]].sum()))

    def _grow(self, length: int) -> None:
        """Make room for another row with so many bytes."""
        if length >= hashing.LONGEST:
            raise ValueError(f"a key or value of {length} bytes; at most {hashing.LONGEST - 1} are allowed")
        if len(self) >= cells.room(self._table):
            self._table = cells.larger(self._table)
        top, end = self.capacity, int(self._state[hashing.END])
        self._fixed = grown(self._fixed, top, top + 1)
        self._spans = grown(self._spans, top, top + 1)
        self._link = grown(self._link, top, top + 1)
        self._arena = grown(self._arena, end, end + length)

    def columns_of(self, numbers: Ints) -> list[pl.Series]:
        """The columns of the rows behind numbers, in the types of the interner; -1 gives nulls."""
        known = numbers >= 0
        columns: list[pl.Series] = [pl.Series()] * len(self._layout.dtypes)
        for i, place in enumerate(self._layout.fixed):
            columns[place] = from_fixed(self._fixed[numbers, i], self._layout.dtypes[place])
        for i, place in enumerate(self._layout.texts):
            columns[place] = self._texts(i, np.where(known, numbers, 0), self._layout.dtypes[place])
        if known.all():
            return columns
        return [column.set(pl.Series(~known), None) for column in columns]

    def _texts(self, column: int, numbers: Ints, dtype: pl.DataType) -> pl.Series:
        spans, offsets = np.empty(len(numbers), dtype=np.int64), np.empty(len(numbers) + 1, dtype=np.int64)
        hashing.measure(self._stored, column, numbers, spans, offsets)
        data = np.empty(int(offsets[-1]), dtype=np.uint8)
        hashing.gather(self._stored, spans, offsets, data)
        return from_bytes(offsets, data, dtype)

    def numbers(self) -> Ints:
        """The numbers in use, ascending."""
        return np.flatnonzero(self._link[: self.capacity] == hashing.USED)

    def remove(self, numbers: Ints) -> None:
        """Give numbers back; those that are not in use are passed over."""
        numbers = np.array(numbers, dtype=np.int64)
        hashes = self._hashes_of(numbers)
        hashing.take_out(self._table, hashes, self._stored, self._link, self._state, numbers)
        if 2 * self._state[hashing.GARBAGE] > self._state[hashing.END]:
            self._compact()

    def _hashes_of(self, numbers: Ints) -> NDArray[np.uint64]:
        spans = self._spans[numbers]
        lengths = hashing.lengths(spans).astype(np.int32)
        raw = Raw(self._fixed[numbers], hashing.starts(spans), lengths, self._arena)
        return _hashes(raw, np.arange(len(numbers)))

    def _compact(self) -> None:
        kept = int(self._state[hashing.END] - self._state[hashing.GARBAGE])
        fresh = zeros([max(_LEAST, kept + kept // 4)], np.uint8)
        end = hashing.compact(self._spans, self.numbers(), self._arena, fresh)
        self._arena = fresh
        self._state[hashing.END] = end
        self._state[hashing.GARBAGE] = 0

    def image(self) -> Image:
        """The raw state; see `image` for how long it is valid. Hashes are not in it."""
        top, end = self.capacity, int(self._state[hashing.END])
        return {
            "types": as_array([str(dtype) for dtype in self._layout.dtypes]),
            "fixed": self._fixed[:top],
            "spans": self._spans[:top],
            "bytes": self._arena[:end],
            "link": self._link[:top],
            "state": self._state,
        }

    @classmethod
    def from_image(cls, dtypes: Sequence[pl.DataType], image: Image) -> Self:
        """What had the image.

        Raises:
            ImageError: it is of other types, or no image of an interner.
        """
        made = cls(dtypes)
        types = as_value(take(image, "types", np.uint8))
        if types != [str(dtype) for dtype in made._layout.dtypes]:
            raise ImageError(f"the image has keys of types {types}, not {[str(d) for d in dtypes]}")
        made._restore(image)
        return made

    def _restore(self, image: Image) -> None:
        self._fixed = take(image, "fixed", np.int64, dimensions=2)
        self._spans = take(image, "spans", np.int64, dimensions=2)
        self._arena = take(image, "bytes", np.uint8)
        self._link = take(image, "link", np.int32)
        self._state = take(image, "state", np.int64)
        self._check()
        self._fixed, self._spans, self._link, self._arena = (
            grown(array, len(array), _LEAST) for array in (self._fixed, self._spans, self._link, self._arena)
        )
        used = self.numbers()
        self._table = cells.table_for(len(used))
        cells.fill(self._table, self._hashes_of(used), used)

    def _check(self) -> None:
        """Refuse what the compiled loops would not survive."""
        rows, texts = len(self._link), len(self._layout.texts)
        shapes = [self._fixed.shape, self._spans.shape, self._state.shape]
        if shapes != [(rows, len(self._layout.fixed)), (rows, texts), (5,)]:
            raise ImageError(f"no image of an interner: {rows} links, other arrays of shapes {shapes}")
        used = np.flatnonzero(self._link == hashing.USED)
        starts, lengths = hashing.starts(self._spans[used]), hashing.lengths(self._spans[used])
        garbage = len(self._arena) - int(lengths.sum())
        unused = np.flatnonzero(self._link != hashing.USED)
        free = np.append(self._link[unused], self._state[hashing.FREE])
        if (
            self._state.tolist() != [rows, free[-1], len(used), len(self._arena), garbage]
            or ((starts < 0) | (lengths < 0) | (starts + lengths > len(self._arena))).any()
            or garbage < 0
            or not np.array_equal(np.sort(free), np.append(hashing.NONE, unused))
        ):
            raise ImageError(
                f"no image of an interner: its counts {self._state.tolist()} are not its arrays'"
            )


def _hashes(raw: Raw, rows: Ints) -> NDArray[np.uint64]:
    hashes = np.empty(len(rows), dtype=np.uint64)
    hashing.hash_rows(raw, rows, hashes)
    return hashes
