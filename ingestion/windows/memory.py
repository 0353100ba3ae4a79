"""Memory of the compiled loops: arrays that grow, and a hint that a word will be needed soon."""

import math
import mmap
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # ships no types
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import DTypeLike, NDArray

compiled = njit(cache=True, nogil=True, error_model="numpy", _nrt=False, forceinline=True)
"""A loop that only works on arrays it is given: without counting references to them at every step."""

_LARGE = 8 << 20
"""Bytes from which on an array gets a room."""
_AHEAD = 32
"""So many times the space that is needed: a page takes memory only when it is written to."""
_NO_RESERVE = 0x4000 if sys.platform == "linux" else 0


class _Room(mmap.mmap):
    """Address space of one array, most of it behind what is used; on huge pages where the system has them.

    A large array that grows does not move, and with a million entities most of a random access would be the search for
    its page.
    """


def zeros(shape: Sequence[int], dtype: DTypeLike) -> NDArray[Any]:
    """An array of zeros; a large one has room to grow."""
    kind, size = np.dtype(dtype), math.prod(shape)
    if size * kind.itemsize < _LARGE:
        return np.zeros(shape, dtype=kind)
    room = np.frombuffer(_room_for(size * kind.itemsize), dtype=np.uint8)
    return room[: size * kind.itemsize].view(kind).reshape(shape)


def _room_for(size: int) -> _Room:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
    try:
        room = _Room(-1, _AHEAD * size, flags=flags)
    except (OSError, OverflowError):  # address space is limited
        room = _Room(-1, size, flags=flags)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            room.madvise(mmap.MADV_HUGEPAGE)
    return room


def has_room(array: NDArray[Any]) -> bool:
    """Whether an array lies at the beginning of a room of its own."""
    whole = array.base
    return (
        isinstance(whole, np.ndarray)
        and isinstance(getattr(whole.base, "obj", whole.base), _Room)
        and whole.ctypes.data == array.ctypes.data
    )


def grown(array: NDArray[Any], used: int, size: int) -> NDArray[Any]:
    """The array with room for `size` items along its first axis, of which the first `used` are kept; the others are zero.

    It is a quarter longer at least; where it has a room it stays in its place.
    """
    if size <= len(array):
        return array
    shape = (max(size, len(array) + len(array) // 4), *array.shape[1:])
    needed = math.prod(shape) * array.itemsize
    if has_room(array) and needed <= array.base.nbytes:  # type: ignore[union-attr]  # then it has a base
        return array.base[:needed].view(array.dtype).reshape(shape)  # type: ignore[index]
    larger = zeros(shape, array.dtype)
    larger[:used] = array[:used]
    return larger


class Words(NamedTuple):
    """One memory as integers, as floats and as integers of half the size."""

    words: NDArray[np.int64]
    floats: NDArray[np.float64]
    halves: NDArray[np.int32]

    @classmethod
    def of(cls, words: NDArray[np.int64]) -> "Words":
        """Views of an array, one-dimensional."""
        return cls(words, words.view(np.float64), words.view(np.int32))


@intrinsic
def prefetch(context, array, index):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, ARG001
    """Have the processor fetch the cache line of `array[index]`, one-dimensional, without waiting for it."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        number, byte = ir.IntType(32), ir.IntType(8).as_pointer()
        address = builder.bitcast(builder.gep(view.data, [arguments[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        to_write, to_all_caches, data = (ir.Constant(number, flag) for flag in (1, 3, 1))
        builder.call(function, [address, to_write, to_all_caches, data])
        return context.get_dummy_value()

    return types.void(array, index), generate
