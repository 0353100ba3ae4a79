"""Memory of the compiled loops: arrays that grow, and a hint that a word will be needed soon."""

import math
import mmap
import sys
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
"""Bytes from which on an array gets address space of its own."""
_AHEAD = 32
"""So many times the space that is needed: a page takes memory only when it is written to."""
_NO_RESERVE = 0x4000 if sys.platform == "linux" else 0


def grown(array: NDArray[Any], used: int, size: int) -> NDArray[Any]:
    """The array with room for `size` items along its first axis, of which the first `used` are kept; the others are zero.

    A large array does not move when it grows again, and lies on huge pages where the system has them: with a million
    entities most of a random access would be the search for its page.
    """
    if size <= len(array):
        return array
    size = max(size, len(array) + len(array) // 4)
    items = math.prod(array.shape[1:])
    larger = zeros(size * items, array.dtype, ahead=_AHEAD).reshape(-1, *array.shape[1:]) if items else None
    if larger is None:
        return np.zeros((size, *array.shape[1:]), dtype=array.dtype)
    larger[:used] = array[:used]
    return larger


def zeros(size: int, dtype: DTypeLike, *, ahead: int = 1) -> NDArray[Any]:
    """An array of zeros, one-dimensional; a large one is on huge pages and has address space for `ahead` times the size."""
    kind = np.dtype(dtype)
    if size * kind.itemsize < _LARGE:
        return np.zeros(size, dtype=kind)
    return _reserved(size * kind.itemsize, kind, ahead)


def _reserved(size: int, dtype: np.dtype[Any], ahead: int) -> NDArray[Any]:
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NO_RESERVE
    try:
        memory = mmap.mmap(-1, ahead * size, flags=flags)
    except (OSError, OverflowError):  # address space is limited
        memory = mmap.mmap(-1, size, flags=flags)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel without them
            memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, dtype=dtype, count=len(memory) // dtype.itemsize)


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
