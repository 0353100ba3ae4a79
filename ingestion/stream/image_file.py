"""An image in a file: a header that names the arrays, then their raw bytes, aligned, as they lie in memory.

::

    magic | length of the header | header, JSON | 64 | array | 64 | array ...

Written by plain system calls, as a forked child does it; read with one call per array into memory of our own.
"""

import json
import math
import os
import zlib
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from ingestion.windows.image import Image
from ingestion.windows.memory import zeros

MAGIC: Final = b"SHOPIMG1"
_ALIGNMENT: Final = 64
_CHUNK_BYTES: Final = 16 << 20


class BrokenFileError(ValueError):
    """A file that was not written to its end, or has changed since."""


def write_image(path: Path, image: Mapping[str, NDArray[Any]]) -> dict[str, int]:
    """Write a new file and flush it; returns its ``bytes`` and ``crc32``, by which `read_image` knows it again."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    size = checksum = 0
    try:
        for piece in _pieces(image):
            checksum = zlib.crc32(piece, checksum)
            size += _write_all(descriptor, piece)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return {"bytes": size, "crc32": checksum}


def read_image(file: IO[bytes], expected: Mapping[str, int]) -> Image:
    """Read an image; its arrays are writable and nobody else's.

    Args:
        file: Opened at its beginning.
        expected: What `write_image` returned.

    Raises:
        BrokenFileError: it is not the file that was written.
    """
    reader = _Reader(file)
    image = _read(reader, expected["bytes"])
    if {"bytes": reader.size, "crc32": reader.checksum} != dict(expected):
        raise BrokenFileError(f"{reader.size} bytes with checksum {reader.checksum}, not {dict(expected)}")
    return image


def _read(reader: "_Reader", most_bytes: int) -> Image:
    if bytes(reader.take(len(MAGIC))) != MAGIC:
        raise BrokenFileError("it is no image")
    header = json.loads(bytes(reader.take(int.from_bytes(reader.take(8), "little"))))
    image: Image = {}
    for name, dtype, shape in header:
        reader.take(-reader.size % _ALIGNMENT)
        if math.prod(shape) * np.dtype(dtype).itemsize > most_bytes:
            raise BrokenFileError(f"its array {name!r} should have the shape {shape}")
        array = zeros(shape, dtype)
        reader.fill(array.reshape(-1).view(np.uint8).data)
        image[name] = array
    return image


def as_bytes(image: Mapping[str, NDArray[Any]]) -> bytes:
    """What `write_image` writes."""
    return b"".join(_pieces(image))


def from_bytes(content: bytes) -> Image:
    """The image behind `as_bytes`; whoever kept the bytes answers for them.

    Raises:
        BrokenFileError: they are no image.
    """
    return _read(_Reader(BytesIO(content)), len(content))


def _pieces(image: Mapping[str, NDArray[Any]]) -> Iterator[memoryview]:
    arrays = {name: np.ascontiguousarray(array) for name, array in image.items()}
    header = json.dumps([[name, array.dtype.str, array.shape] for name, array in arrays.items()]).encode()
    size = len(MAGIC) + 8 + len(header)
    yield memoryview(MAGIC + len(header).to_bytes(8, "little") + header)
    for array in arrays.values():
        padding = -size % _ALIGNMENT
        yield memoryview(bytes(padding))
        raw = array.reshape(-1).view(np.uint8).data
        yield from (raw[i : i + _CHUNK_BYTES] for i in range(0, len(raw), _CHUNK_BYTES))
        size += padding + len(raw)


def _write_all(descriptor: int, piece: memoryview) -> int:
    left = piece
    while left:
        left = left[os.write(descriptor, left) :]
    return len(piece)


class _Reader:
    """Reads on and keeps count."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.checksum = 0

    def take(self, count: int) -> bytearray:
        if count > _CHUNK_BYTES:
            raise BrokenFileError(f"its header should be {count} bytes long")
        taken = bytearray(count)
        self.fill(memoryview(taken))
        return taken

    def fill(self, target: memoryview) -> None:
        for i in range(0, len(target), _CHUNK_BYTES):
            chunk = target[i : i + _CHUNK_BYTES]
            done = 0
            while done < len(chunk):
                count = self._file.readinto(chunk[done:])  # type: ignore[attr-defined]
                if not count:
                    raise BrokenFileError(f"it ends after {self.size + done} bytes")
                done += count
            self.checksum = zlib.crc32(chunk, self.checksum)
            self.size += done
