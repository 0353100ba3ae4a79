"""Replaces a file on a disk in one step."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """What is written to the file that this yields takes the place of `path` at the end, and is durable then.

    Readers find the old content or the new; after an error, or a kill, the old one stays.

    Raises:
        OSError: it cannot be written, as on a full disk.
    """
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
