"""The file of API keys, read again when it changes."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import monotonic

from serving.access.keys import KeyFileError, KeyRecord, matching, parse_file

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
"""How often the file's time stamp is looked at: a revoked key is refused after so long."""

_Stamp = tuple[int, int, int]


class KeyFile:
    """Keys as the file has them.

    A file that cannot be read later on leaves the keys as they were, since a half-written or wrong one would lock
    everybody out; an absent one has no keys.

    Args:
        path: The file.
        clock: Seconds, monotonic.

    Raises:
        KeyFileError: if it cannot be read now.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = monotonic) -> None:
        self._path = path
        self._clock = clock
        self._looked = clock()
        self._stamp = _stamp(path)
        self._records = read(path)

    def find(self, key: str) -> KeyRecord | None:
        """The record of a key that somebody shows."""
        if self._clock() - self._looked >= LOOK_SECONDS:
            self._look()
        return matching(self._records, key)

    def _look(self) -> None:
        self._looked = self._clock()
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._records = read(self._path) if stamp else {}
        except KeyFileError as error:
            logger.error("%s; the keys read before stay valid", error)  # noqa: TRY400 - the reason is in the message
        else:
            logger.info("%s has %d keys", self._path, len(self._records))


def read(path: Path) -> dict[str, KeyRecord]:
    """Records by id.

    Raises:
        KeyFileError: naming the file, the line and the way out.
    """
    try:
        return parse_file(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, KeyFileError) as error:
        raise KeyFileError(
            f"the API keys in {path} cannot be read: {error}; `python -m serving.keys` writes them"
        ) from error


def write(path: Path, records: Iterable[KeyRecord]) -> None:
    """Replace the file as a whole; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.writelines(f"{record.line}\n" for record in records)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
