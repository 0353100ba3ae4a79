"""Joins the small files of a folder while others read it and write to it; `joined` tells how."""

import re
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import PurePosixPath
from typing import Final

import polars as pl

from ingestion.folder import Folder
from ingestion.folder_lock import alone
from ingestion.replacing import Replacing

OFFSET: Final = "_offset"

_OURS: Final = re.compile(r"(?P<stem>\d+-[0-9a-f]{32})(\.[0-9a-f]{8})?(~[0-9a-f]{8})?\.parquet")
"""Names of files that were appended, or joined already; a file that was named otherwise is left to whoever named it."""


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
        self._replacing = Replacing(folder, now_us=now_us, grace=grace)
        self._sort_by = sort_by

    def run(self) -> Counts:
        """Finish what earlier runs began, then join what is small. Killed at any time, it may be run again.

        Raises:
            FolderInUseError: another one is under way, or was killed less than the lease ago.
        """
        with alone(self._folder, self._now_us) as hold:
            self._folder.finish_interrupted()
            deleted = self._replacing.advance()
            runs = self._runs()
            for run in runs:
                self._join(run, hold)
            return Counts(sum(map(len, runs)), len(runs), deleted)

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
        rows = self._folder.scan(run)
        ordered = rows if self._sort_by is None else rows.sort(self._sort_by, maintain_order=True)
        self._replacing.replace(run, _joined_name(run[-1]), ordered, hold)


def _joined_name(last: str) -> str:
    """A new name that sorts just before that of the last file of a run, and behind the one before."""
    path = PurePosixPath(last)
    ours = _OURS.fullmatch(path.name)
    stem = ours["stem"] if ours else path.stem
    return str(path.with_name(f"{stem}.{uuid.uuid4().hex[:8]}.parquet"))
