"""Where erasures are kept: the salt, the tombstones, and which windows have been computed anew. All of it in names of files.

::

    <erasures>/salt/<64 hex digits>
    <erasures>/tombstones/<digest>-<instant, microseconds>-<bucket>
    <erasures>/acknowledged/<group>~<view>~<share>~<shares>~<definition>

A name is there or not, so a set is read by one listing, and a killed writer leaves nothing half.
"""

import os
import re
import secrets
from collections.abc import Iterable
from typing import Final

from ingestion.erasures.tombstones import Tombstones, bucket, digest
from ingestion.folder import Folder

_SALT: Final = "salt"
_TOMBSTONES: Final = "tombstones"
_ACKNOWLEDGED: Final = "acknowledged"
_TOMBSTONE: Final = re.compile(r"[0-9a-f]{32}-\d{16}-[0-9a-f]{4}")
"""Other files may lie there, such as those that tools for folders leave."""


class Erasures:
    """What is kept below one path.

    Args:
        url: A local path, or a URL that fsspec knows.
    """

    def __init__(self, url: str | os.PathLike[str]) -> None:
        self._folder = Folder(url)

    def tombstones(self) -> Tombstones:
        """Those that are there now; of a person who was erased twice the later one."""
        instants: dict[str, int] = {}
        buckets = set[int]()
        for name in filter(_TOMBSTONE.fullmatch, self._folder.names(_TOMBSTONES)):
            person, instant, number = name.split("-")
            instants[person] = max(int(instant), instants.get(person, 0))
            buckets.add(int(number, 16))
        return Tombstones(self._salt() if instants else b"", instants, frozenset(buckets))

    def bury(self, person: str, instant_us: int) -> None:
        """Keep a tombstone for good; one that is there already stays.

        Args:
            person: Their id, which is not kept.
            instant_us: What they did up to then is to be gone, Unix microseconds.
        """
        if not self._folder.names(_SALT):
            self._folder.create(f"{_SALT}/{secrets.token_hex(32)}", b"")
        name = f"{digest(person, self._salt())}-{instant_us:016d}-{bucket(person):04x}"
        self._folder.create(f"{_TOMBSTONES}/{name}", b"")

    def acknowledge(self, what: str) -> None:
        """Keep that something has been done."""
        self._folder.create(f"{_ACKNOWLEDGED}/{what}", b"")

    def acknowledged(self) -> set[str]:
        """All that has been done."""
        return set(self._folder.names(_ACKNOWLEDGED))

    def forget(self, what: Iterable[str]) -> None:
        """Nobody will ask any more whether that was done."""
        self._folder.remove([f"{_ACKNOWLEDGED}/{name}" for name in what])

    def _salt(self) -> bytes:
        return bytes.fromhex(min(self._folder.names(_SALT)))
