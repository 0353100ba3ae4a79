"""Records of measurements, kept as JSON files that sort by time: ``<folder>/20260424T080000.000000Z.json``."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

import msgspec

STAMP: Final = "%Y%m%dT%H%M%S.%fZ"
"""An instant as part of a file name."""

Record = TypeVar("Record")


def keep(record: object, folder: Path, at: datetime) -> Path:
    """Write a dataclass as a file of its instant (aware), as a whole; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{at.astimezone(UTC):{STAMP}}.json"
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_bytes(msgspec.json.format(msgspec.json.encode(record)))
    temporary.replace(file)
    return file


def kept(kind: type[Record], folder: Path, most: int | None = None) -> list[Record]:
    """The records of a folder, the newest first, at most so many; none where there is no folder."""
    return list(islice(newest_first(kind, folder), most))


def newest_first(kind: type[Record], folder: Path) -> Iterator[Record]:
    """The records of a folder, each read when it is asked for; none where there is no folder."""
    for file in sorted(folder.glob("[!.]*.json"), reverse=True):
        yield msgspec.json.decode(file.read_bytes(), type=kind)
