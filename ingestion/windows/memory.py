"""Memory of the compiled loops: arrays that grow in place, and a hint that a word will be needed soon."""

from typing import Any

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # ships no types
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic
from numpy.typing import NDArray

compiled = njit(cache=True, nogil=True, error_model="numpy", _nrt=False, forceinline=True)
"""A loop that only works on arrays it is given: without counting references to them at every step."""

_GROWTH = 5
"""An array that is too small grows by a fifth at least, so that what is resident stays close to what is used."""


def grown(array: NDArray[Any], size: int) -> NDArray[Any]:
    """The array with room for `size` items along its first axis, in place where it owns its memory; new items are zero.

    All other views of the array are invalid afterwards.
    """
    if size <= len(array):
        return array
    shape = (max(size, len(array) + len(array) // _GROWTH), *array.shape[1:])
    if array.flags.owndata and array.flags.writeable:
        array.resize(shape, refcheck=False)
        return array
    larger = np.zeros(shape, dtype=array.dtype)
    larger[: len(array)] = array
    return larger


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
