import numpy as np
import pytest

from ingestion.windows.memory import grown, has_room, zeros

LARGE = 2 << 20


@pytest.mark.parametrize("size", [10, LARGE])
def test_a_grown_array_keeps_what_was_used_and_is_zero_behind(size: int) -> None:
    """Small or large: the part in use is copied or stays, the rest is new memory."""
    array = zeros([size, 2], np.int64)
    array[: size // 2] = 7
    larger = grown(array, size // 2, size + 1)
    assert larger.shape == (size + size // 4, 2)
    assert (larger[: size // 2] == 7).all()
    assert not larger[size // 2 :].any()
    assert grown(larger, size, size + 2) is larger


def test_a_large_array_grows_in_its_place_and_is_written_to() -> None:
    """Its address stays; a view into its middle has no room and moves."""
    array = zeros([LARGE], np.int64)
    larger = grown(array, LARGE, 3 * LARGE)
    larger[-1] = 1
    assert larger.ctypes.data == array.ctypes.data
    assert has_room(larger)
    assert not has_room(larger[1:])
    assert grown(larger[1:], 0, 4 * LARGE).ctypes.data != larger[1:].ctypes.data
