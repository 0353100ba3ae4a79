"""Into which of some shares a key falls: the same on every machine and for good."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
_OFFSET_BASIS: Final = np.uint64(0xCBF29CE484222325)
_PRIME: Final = np.uint64(0x100000001B3)


def shares_of(keys: Sequence[pl.Series], shares: int) -> Ints:
    """Share of each row's key, shape (rows,): by 64-bit FNV-1a of its text, the same everywhere and for good."""
    hashes = hashes_of(keys)
    return ((hashes ^ (hashes >> np.uint64(32))) % np.uint64(shares)).astype(np.int64)


def hashes_of(keys: Sequence[pl.Series]) -> Hashes:
    """Hash of each row's key, shape (rows,): 64-bit FNV-1a of its text; of null as of an empty text."""
    hashes = np.full(len(keys[0]), _OFFSET_BASIS)
    for key in keys:
        text = key.cast(pl.String).fill_null("").to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, data = text.buffers()
        ends = np.frombuffer(offsets, dtype=np.int64)[text.offset : text.offset + len(text) + 1]
        _mix(ends, np.frombuffer(data, dtype=np.uint8) if data else np.empty(0, dtype=np.uint8), hashes)
    return hashes


@njit(cache=True, nogil=True)
def _mix(ends, data, hashes):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    for row in range(len(hashes)):
        mixed = hashes[row]
        for at in range(ends[row], ends[row + 1]):
            mixed = (mixed ^ np.uint64(data[at])) * _PRIME
        # A byte that no text has: ("ab", "c") is another key than ("a", "bc").
        hashes[row] = (mixed ^ np.uint64(0xFF)) * _PRIME
