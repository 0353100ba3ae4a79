import numpy as np
import pytest

from ingestion.windows.image import ImageError, as_array, as_value, nest, part, take
from ingestion.windows.memory import zeros


def test_a_nested_image_comes_back_as_it_was() -> None:
    """Prefixes that begin alike are kept apart, and the arrays are the same objects."""
    tiles, more = {"index": np.arange(3)}, {"index": np.arange(4)}
    image = nest("grid", tiles) | nest("grids", more)
    assert part(image, "grid")["index"] is tiles["index"]
    assert part(image, "grids")["index"] is more["index"]
    assert part(image, "gri") == {}


def test_a_missing_array_or_one_of_another_type_is_refused() -> None:
    """The error names the array."""
    image = {"index": np.arange(3)}
    assert take(image, "index", np.int64).tolist() == [0, 1, 2]
    with pytest.raises(ImageError, match="no array 'older'"):
        take(image, "older", np.int32)
    with pytest.raises(ImageError, match="'index' of the image is int64"):
        take(image, "index", np.int32)


def test_json_is_kept_as_bytes() -> None:
    """Small state besides the arrays; what is no JSON is refused."""
    assert as_value(as_array({"now": 1, "names": ["a"]})) == {"now": 1, "names": ["a"]}
    with pytest.raises(ImageError, match="no JSON"):
        as_value(np.frombuffer(b"{", dtype=np.uint8))


def test_an_array_with_a_room_is_taken_over_and_others_are_copied() -> None:
    """What a reader put into large new memory is not copied again; a view of what somebody has is."""
    room, small = zeros([2 << 20], np.int64), np.zeros(3)
    image = {"room": room, "part": room[1:], "small": small}
    assert take(image, "room", np.int64) is room
    assert not np.shares_memory(take(image, "part", np.int64), room)
    assert not np.shares_memory(take(image, "small", np.float64), small)
