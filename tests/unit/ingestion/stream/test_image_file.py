import io
from pathlib import Path

import numpy as np
import pytest

from ingestion.stream.image_file import BrokenFileError, read_image, write_image

IMAGE = {
    "longs": np.arange(5),
    "flags": np.array([True, False, True]),
    "empty": np.empty(0),
    "pairs": np.arange(12, dtype=np.uint64).reshape(6, 2),
    "every other": np.arange(10, dtype=np.int32)[::2],
    "größe": np.array([1.5, np.nan]),
}


def test_an_image_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Any type and shape; the arrays are aligned, writable, and their own."""
    path = tmp_path / "image"
    told = write_image(path, IMAGE)
    assert told["bytes"] == path.stat().st_size
    with path.open("rb") as file:
        image = read_image(file, told)
    assert list(image) == list(IMAGE)
    for name, array in IMAGE.items():
        np.testing.assert_array_equal(image[name], array)
        assert (image[name].dtype, image[name].shape) == (array.dtype, array.shape)
        assert image[name].flags.writeable


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    """Two snapshots of one name would be a mistake."""
    write_image(tmp_path / "image", IMAGE)
    with pytest.raises(FileExistsError):
        write_image(tmp_path / "image", IMAGE)


def test_a_file_that_is_cut_short_anywhere_is_refused(tmp_path: Path) -> None:
    """At every byte."""
    told = write_image(tmp_path / "image", IMAGE)
    content = (tmp_path / "image").read_bytes()
    for length in range(len(content)):
        with pytest.raises(ValueError, match=r".*"):
            read_image(io.BytesIO(content[:length]), told)


def test_a_file_with_a_changed_byte_is_refused(tmp_path: Path) -> None:
    """Wherever it lies: in the header or in the arrays."""
    told = write_image(tmp_path / "image", IMAGE)
    content = bytearray((tmp_path / "image").read_bytes())
    for place in range(len(content)):
        content[place] ^= 0x40
        with pytest.raises((ValueError, TypeError)):
            read_image(io.BytesIO(bytes(content)), told)
        content[place] ^= 0x40


def test_a_header_cannot_ask_for_more_than_the_file_holds(tmp_path: Path) -> None:
    """Memory is taken only for what is there."""
    told = write_image(tmp_path / "image", {"a": np.arange(100)})
    content = (tmp_path / "image").read_bytes().replace(b"[100]", b"[999]")
    with pytest.raises(BrokenFileError, match="should have the shape"):
        read_image(io.BytesIO(content), told)
