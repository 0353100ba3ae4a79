"""Replaces files of a folder by one, beside readers; `joined` tells how. Whoever does so holds the folder's lock."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import polars as pl

from ingestion.folder import Folder
from ingestion.joined import Join


class Replacing:
    """Replacements in one folder, from the first word of them to the last.

    Args:
        folder: An archive, or a folder of a table.
        now_us: The clock, in microseconds since the epoch.
        grace: How long replaced files are kept for readers that have listed them.
    """

    def __init__(self, folder: Folder, *, now_us: Callable[[], int], grace: timedelta) -> None:
        self._folder = folder
        self._now_us = now_us
        self._grace_us = grace // timedelta(microseconds=1)

    def replace(self, names: Sequence[str], by: str, rows: pl.LazyFrame, hold: Callable[[], None]) -> None:
        """Let one file count in the place of others.

        Args:
            names: The others, all in the same subfolder.
            by: A name that sorts into their place.
            rows: What it has.
            hold: Raises if the folder's lock is lost.
        """
        join = Join(by, tuple(names), "writing", self._now_us())
        self._folder.record(join)
        self._folder.publish({join.file: rows.collect()})
        hold()
        self._folder.record(replace(join, stage="joined", since_us=self._now_us()))

    def advance(self) -> int:
        """Bring earlier replacements as far as the clock allows; returns how many files were deleted."""
        return sum(self._advance(join) for join in self._folder.joins())

    def _advance(self, join: Join) -> int:
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
