"""Joins the small files of a folder while others read it and write to it; `joined` tells how."""

import json
import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import PurePosixPath
from typing import Final

import polars as pl

from ingestion.folder import Folder
from ingestion.joined import JOINS, Join

LOCK: Final = f"{JOINS}/lock"
LEASE: Final = timedelta(hours=1)
"""After so long without an end a compaction is taken for killed."""

OFFSET: Final = "_offset"

_OURS: Final = re.compile(r"(?P<stem>\d+-[0-9a-f]{32})(\.[0-9a-f]{8})?\.parquet")
"""Names of files that were appended, or joined already; a file that was named otherwise is left to whoever named it."""


class FolderInUseError(RuntimeError):
    """Another compaction of the folder is under way."""


@dataclass(frozen=True)
class Counts:
    """What a compaction did.

    Attributes:
        joined: Small files that were replaced.
        into: Files that replace them.
        deleted: Small files that were replaced earlier and are gone now.
    """

    joined: int
    into: int
    deleted: int


class Compaction:
    """Joins runs of neighbouring small files, in the order of their names: the order of rows stays.

    Of an archive, files with rows that have no position in Kafka are left alone: all rows of a joined file can be told
    apart by their offsets, whoever remembers which files it has read.

    Args:
        folder: An archive, or a folder of a table.
        now_us: The clock, in microseconds since the epoch.
        target_bytes: A joined file is at most as large; a file of half of it is not small.
        grace: How long replaced files are kept for readers that have listed them.
        sort_by: Column by which the rows of each file are sorted; None: they are as they were written.
    """

    def __init__(
        self,
        folder: Folder,
        *,
        now_us: Callable[[], int],
        target_bytes: int,
        grace: timedelta,
        sort_by: str | None = None,
    ) -> None:
        self._folder = folder
        self._now_us = now_us
        self._target_bytes = target_bytes
        self._grace_us = grace // timedelta(microseconds=1)
        self._sort_by = sort_by

    def run(self) -> Counts:
        """Finish what earlier runs began, then join what is small. Killed at any time, it may be run again.

        Raises:
            FolderInUseError: another one is under way, or was killed less than the lease ago.
        """
        with self._alone() as hold:
            self._folder.finish_interrupted()
            deleted = sum(self._advance(join) for join in self._folder.joins())
            runs = self._runs()
            for run in runs:
                self._join(run, hold)
            return Counts(sum(map(len, runs)), len(runs), deleted)

    def _advance(self, join: Join) -> int:
        """Bring an earlier join as far as the clock allows; returns how many files were deleted."""
        if join.stage == "writing":
            # Its writer was killed: nobody but us is at work.
            self._folder.remove([join.file, join.record])
        elif self._now_us() - join.since_us < self._grace_us:
            return 0
        elif join.stage == "joined":
            self._folder.remove(join.replaces)
            self._folder.record(replace(join, stage="cleared", since_us=self._now_us()))
            return len(join.replaces)
        else:
            self._folder.remove([join.record])
        return 0

    def _runs(self) -> list[list[str]]:
        """Runs of at least two neighbouring small files of one subfolder that fit into one joined file."""
        sizes = self._folder.sizes()
        busy = {name for join in self._folder.joins() for name in (join.file, *join.replaces)}
        by_subfolder = groupby(self._folder.files_below(), key=lambda name: PurePosixPath(name).parent)
        runs = [run for _, names in by_subfolder for run in self._runs_of(list(names), sizes, busy)]
        return [run for run in runs if len(run) > 1]

    def _runs_of(
        self, names: Sequence[str], sizes: Mapping[str, int], busy: Collection[str]
    ) -> Iterator[list[str]]:
        run: list[str] = []
        for name in names:
            schema = self._schema_to_join(name, sizes, busy)
            fits = sum(sizes[other] for other in run) + sizes.get(name, 0) <= self._target_bytes
            if run and (schema is None or not fits or schema != self._folder.schema(run[0])):
                yield run
                run = []
            if schema is not None:
                run.append(name)
        yield run

    def _schema_to_join(self, name: str, sizes: Mapping[str, int], busy: Collection[str]) -> pl.Schema | None:
        """Columns of a file that may be joined with others; None of one that may not."""
        ours = _OURS.fullmatch(PurePosixPath(name).name)
        if ours is None or name in busy or 2 * sizes.get(name, self._target_bytes) >= self._target_bytes:
            return None
        schema = self._folder.schema(name)
        return None if OFFSET in schema and self._folder.has_nulls(name, OFFSET) else schema

    def _join(self, run: Sequence[str], hold: Callable[[], None]) -> None:
        join = Join(_joined_name(run[-1]), tuple(run), "writing", self._now_us())
        self._folder.record(join)
        rows = self._folder.scan(run)
        ordered = rows if self._sort_by is None else rows.sort(self._sort_by, maintain_order=True)
        self._folder.publish({join.file: ordered.collect()})
        hold()
        self._folder.record(replace(join, stage="joined", since_us=self._now_us()))

    @contextmanager
    def _alone(self) -> Iterator[Callable[[], None]]:
        """Hold the folder's lock; what it yields raises once the lock was taken by another."""
        own = json.dumps({"holder": uuid.uuid4().hex, "since_us": self._now_us()}).encode()
        held = self._folder.content(LOCK)
        lease_us = LEASE // timedelta(microseconds=1)
        if held is not None and self._now_us() - json.loads(held)["since_us"] >= lease_us:
            self._folder.remove([LOCK])
        if not self._folder.create(LOCK, own):
            raise FolderInUseError(self._in_use(held))

        def hold() -> None:
            if self._folder.content(LOCK) != own:
                raise FolderInUseError(self._in_use(self._folder.content(LOCK)))

        try:
            yield hold
        finally:
            if self._folder.content(LOCK) == own:
                self._folder.remove([LOCK])

    def _in_use(self, held: bytes | None) -> str:
        since = json.loads(held or b'{"since_us": 0}')["since_us"]
        return (
            f"another compaction of {self._folder.url!r} is under way since {datetime.fromtimestamp(since / 1e6, UTC)}; "
            f"wait for it, or, if it was killed, delete {LOCK!r} there or run again after {LEASE}"
        )


def _joined_name(last: str) -> str:
    """A new name that sorts just before that of the last file of a run, and behind the one before."""
    path = PurePosixPath(last)
    ours = _OURS.fullmatch(path.name)
    stem = ours["stem"] if ours else path.stem
    return str(path.with_name(f"{stem}.{uuid.uuid4().hex[:8]}.parquet"))
