"""One at a time replaces files of a folder."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from ingestion.folder import Folder
from ingestion.joined import JOINS

LOCK: Final = f"{JOINS}/lock"
LEASE: Final = timedelta(hours=1)
"""After so long without an end whoever holds it is taken for killed."""


class FolderInUseError(RuntimeError):
    """Somebody else replaces files of the folder."""


@contextmanager
def alone(folder: Folder, now_us: Callable[[], int], holder: str = "") -> Iterator[Callable[[], None]]:
    """Hold the folder's lock; what it yields raises once the lock was taken by another.

    Args:
        folder: An archive, or a folder of a table.
        now_us: The clock, in microseconds since the epoch.
        holder: Who it is; whoever knows that nobody else has this name takes over at once what it left when it was killed.

    Raises:
        FolderInUseError: another one holds it, or was killed less than the lease ago.
    """
    own = json.dumps({"holder": holder or uuid.uuid4().hex, "since_us": now_us()}).encode()
    held = folder.content(LOCK)
    if held is not None and _is_abandoned(json.loads(held), now_us(), holder):
        folder.remove([LOCK])
    if not folder.create(LOCK, own):
        raise FolderInUseError(_in_use(folder, held))

    def hold() -> None:
        if folder.content(LOCK) != own:
            raise FolderInUseError(_in_use(folder, folder.content(LOCK)))

    try:
        yield hold
    finally:
        if folder.content(LOCK) == own:
            folder.remove([LOCK])


def _is_abandoned(held: dict[str, object], now_us: int, holder: str) -> bool:
    since_us = held["since_us"]
    expired = isinstance(since_us, int) and now_us - since_us >= LEASE // timedelta(microseconds=1)
    return expired or (bool(holder) and held["holder"] == holder)


def _in_use(folder: Folder, held: bytes | None) -> str:
    since = json.loads(held or b'{"since_us": 0}')["since_us"]
    return (
        f"files of {folder.url!r} are being replaced since {datetime.fromtimestamp(since / 1e6, UTC)}; "
        f"wait for it, or, if it was killed, delete {LOCK!r} there or run again after {LEASE}"
    )
