"""Snapshots of the state in a folder, on a disk or behind an fsspec URL; each is there as a whole or not at all.

::

    <root>/_1714521600000000-5f3a/      being written           nobody reads it
    <root>/1714521600000000-5f3a/       renamed: it is there    (elsewhere than on a disk: its manifest, put there last)
        unit-0.img  repeats-0.img  index-0.img
        manifest.json                   positions, definitions, size and checksum of each file

Two are kept of every share of a view; whatever no longer is one of the newest two for anything is deleted.
"""

import json
import logging
import os
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

import fsspec
import numpy as np
from fsspec.implementations.local import LocalFileSystem

from ingestion.stream.forked import CAN_FORK, Child
from ingestion.stream.image_file import read_image, write_image
from ingestion.stream.log import say
from ingestion.stream.snapshot import FORMAT, Entry, Manifest, Snapshot
from ingestion.stream.units import Unit
from ingestion.windows.image import Image

log = logging.getLogger(__name__)

MANIFEST: Final = "manifest.json"
KEPT: Final = 2
_ABANDONED_SECONDS: Final = 3600.0


class SnapshotStore:
    """Snapshots below one path.

    Args:
        url: A local path, or a URL that fsspec knows.
        outbox: Local folder in which a snapshot is written that is then sent elsewhere.
        fork: Whether `begin` writes in a forked child; else it writes before it returns.
    """

    def __init__(self, url: str | os.PathLike[str], outbox: Path, *, fork: bool = CAN_FORK) -> None:
        self._filesystem, root = fsspec.core.url_to_fs(str(url), use_listings_cache=False)
        self._root = str(root).rstrip("/")
        self._is_local = isinstance(self._filesystem, LocalFileSystem)
        self._outbox = Path(self._root) if self._is_local else outbox
        self._fork = fork

    def write(self, snapshot: Snapshot) -> "Writing":
        """Write a snapshot; it is there when this returns.

        Raises:
            OSError: the disk is full, or the place is not reached.
        """
        writing = Writing(self._new_name(snapshot))
        self._write(writing.name, snapshot)
        self.deliver(writing.name)
        return writing.done()

    def begin(self, snapshot: Snapshot) -> "Writing":
        """Begin to write the state of this moment; it may change as soon as this returns.

        Once `Writing.ended` tells of success, `deliver` has to be called.

        Raises:
            OSError: the disk is full, or there is no memory for a child.
        """
        name = self._new_name(snapshot)
        if self._fork:
            self._outbox.mkdir(parents=True, exist_ok=True)
            return Writing(name, Child(lambda: self._write(name, snapshot)))
        writing = Writing(name)
        self._write(name, snapshot)
        return writing.done()

    def deliver(self, name: str) -> int:
        """Bring what was written to where it is read; returns its bytes.

        Raises:
            OSError: the place is not reached; the snapshot is not there.
        """
        folder = self._outbox / name
        files = sorted(folder.iterdir(), key=lambda file: file.name == MANIFEST)
        size = sum(file.stat().st_size for file in files)
        if not self._is_local:
            for file in files:
                self._filesystem.makedirs(f"{self._root}/{name}", exist_ok=True)
                self._filesystem.put_file(str(file), f"{self._root}/{name}/{file.name}")
            shutil.rmtree(folder)
        return size

    def discard(self, name: str) -> None:
        """Remove what a child had written that was ended."""
        shutil.rmtree(self._outbox / f"_{name}", ignore_errors=True)

    def manifests(self) -> Iterator[Manifest]:
        """Those that are there and can be read, newest first; says why of the others."""
        for name in reversed(self._names()):
            try:
                content = self._filesystem.cat_file(f"{self._root}/{name}/{MANIFEST}")
                yield Manifest.from_json(name, json.loads(content))
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, TypeError) as error:
                refuse(name, error)

    def read(self, manifest: Manifest, entry: Entry) -> Image:
        """One file of a snapshot.

        Raises:
            OSError: it cannot be read; it may have been deleted meanwhile.
            ValueError: it is broken.
        """
        path = f"{self._root}/{manifest.name}/{entry['file']}"
        expected = {name: entry[name] for name in ("bytes", "crc32")}
        with (
            Path(path).open("rb", buffering=0)
            if self._is_local
            else self._filesystem.open(path, "rb") as file
        ):
            return read_image(file, expected)

    def prune(self, is_current: Callable[[tuple[str, ...]], bool]) -> None:
        """Delete snapshots that are not among the newest two of anything that is current, and what was abandoned."""
        seen: Counter[tuple[str, ...]] = Counter()
        for manifest in self.manifests():
            held = {key for key in manifest.keeps() if is_current(key)}
            if all(seen[key] >= KEPT for key in held):
                self._delete(manifest.name)
            seen.update(held)
        self._delete_abandoned(time.time() - _ABANDONED_SECONDS)

    def keep_only(self, is_current: Callable[[Unit], bool], since: float) -> int:
        """Delete every snapshot that has a unit that is not current, or cannot be read; returns how many.

        Args:
            is_current: Whether a unit may be kept.
            since: Unix seconds; what was left half written before then is deleted, too.
        """
        current = {
            m.name for m in self.manifests() if all(is_current(u.unit) for g in m.groups for u in g.units)
        }
        others = [name for name in self._names() if name not in current]
        for name in others:
            self._delete(name)
        self._delete_abandoned(since)
        return len(others)

    def _delete_abandoned(self, before: float) -> None:
        if self._outbox.is_dir():
            for folder in self._outbox.glob("_*"):
                with suppress(FileNotFoundError):
                    if folder.stat().st_mtime < before:
                        shutil.rmtree(folder, ignore_errors=True)

    def _names(self) -> list[str]:
        try:
            found = self._filesystem.ls(self._root, detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = (PurePosixPath(str(path).rstrip("/")).name for path in found)
        return sorted(name for name in names if not name.startswith(("_", ".")))

    def _delete(self, name: str) -> None:
        """The manifest first: without it there is no snapshot."""
        with suppress(FileNotFoundError):
            self._filesystem.rm_file(f"{self._root}/{name}/{MANIFEST}")
        with suppress(FileNotFoundError):
            self._filesystem.rm(f"{self._root}/{name}", recursive=True)

    def _new_name(self, snapshot: Snapshot) -> str:
        return f"{snapshot.taken_us:016d}-{uuid.uuid4().hex[:8]}"

    def _write(self, name: str, snapshot: Snapshot) -> None:
        """Runs in the child, too: see `forked` for what it may not do."""
        self._outbox.mkdir(parents=True, exist_ok=True)
        folder = self._outbox / f"_{name}"
        folder.mkdir()
        try:
            manifest = _write_files(folder, snapshot)
            _write_bytes(folder / MANIFEST, json.dumps(manifest).encode())
            _flush_directory(folder)
            folder.rename(self._outbox / name)
            _flush_directory(self._outbox)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


class Writing:
    """A snapshot that is being written, or was.

    Attributes:
        name: Name of its folder.
        seconds: How long it took, once it has ended.
    """

    def __init__(self, name: str, child: Child | None = None) -> None:
        self.name = name
        self.seconds = 0.0
        self._child = child
        self._began = time.monotonic()

    def done(self) -> "Writing":
        """It was written in place."""
        self.seconds = time.monotonic() - self._began
        return self

    def ended(self) -> str | None:
        """Why it failed, empty when it did not; None while it is being written. Ends one that takes too long."""
        if self._child is None:
            return ""
        self.seconds = time.monotonic() - self._began
        failure = self._child.ended()
        if failure is None and self.seconds > _ABANDONED_SECONDS:
            self._child.kill()
            return f"it was not written after {_ABANDONED_SECONDS:g} s"
        return failure

    def kill(self) -> None:
        """End it, whatever it has done."""
        if self._child is not None:
            self._child.kill()


def refuse(name: str, error: Exception) -> None:
    """Say that a snapshot is not used."""
    say(log, logging.WARNING, "snapshot refused", name=name, reason=f"{type(error).__name__}: {error}")


def _write_files(folder: Path, snapshot: Snapshot) -> dict[str, Any]:
    """Write all images; returns the manifest."""
    names = iter(range(1_000_000))

    def written(kind: str, image: Mapping[str, Any]) -> Entry:
        file = f"{kind}-{next(names)}.img"
        return {"file": file, **write_image(folder / file, image)}

    groups = [
        group.as_json(
            written("repeats", group.repeats),
            [saved.as_json(written("unit", saved.image)) for saved in group.units],
        )
        for group in snapshot.groups
    ]
    indexes = {
        topic: written("index", {"index": np.frombuffer(content, dtype=np.uint8)})
        for topic, content in snapshot.indexes.items()
    }
    return {
        "format": FORMAT,
        "taken_us": snapshot.taken_us,
        "groups": groups,
        "indexes": indexes,
    }


def _write_bytes(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
