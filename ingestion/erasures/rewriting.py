"""Leaves the rows of some people out of the files of a folder, beside writers and readers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import polars as pl

from ingestion.claims import OvertakenError
from ingestion.erasures.tombstones import PERSON, gone
from ingestion.folder import Folder
from ingestion.folder_lock import alone
from ingestion.joined import rewritten
from ingestion.replacing import Replacing

_HOLDER: Final = "ingestion.erase"
_AT_ONCE: Final = 500
"""Files looked through together."""


@dataclass(frozen=True)
class Rewriting:
    """Of one folder.

    Attributes:
        folder: An archive, or a folder of a table.
        times: Columns with the times of a row: it is gone if the earliest of them is not after the person's instant.
        now_us: The clock, in microseconds since the epoch.
        grace: How long replaced files are kept for readers that have listed them.
        machine: Name of this machine: of the programs of one machine only one erases.
    """

    folder: Folder
    times: Sequence[str]
    now_us: Callable[[], int]
    grace: timedelta
    machine: str

    def leave_out(self, ends_us: Mapping[str, int], told: Callable[[int, int], None]) -> dict[str, int]:
        """Replace each file that has rows that are gone; killed at any time, it may be run again.

        Args:
            ends_us: Up to when, Unix microseconds, by person; at least one.
            told: Called with the files looked through so far and how many there are.

        Returns:
            Rows that were left out, by person.

        Raises:
            FolderInUseError: small files are being joined.
        """
        counts = dict.fromkeys(ends_us, 0)
        with alone(self.folder, self.now_us, self._holder) as hold:
            self.folder.finish_interrupted()
            self._replacing.advance()
            names = self.folder.files_below()
            for start in range(0, len(names), _AT_ONCE):
                found = self._found(names[start : start + _AT_ONCE], ends_us)
                for _, person, rows in found:
                    counts[person] += rows
                for name in dict.fromkeys(name for name, _, _ in found):
                    self._leave_out(name, ends_us, hold)
                told(min(start + _AT_ONCE, len(names)), len(names))
        return counts

    def clear(self) -> int:
        """Delete what was replaced longer ago than the grace; returns how many replaced files are still there.

        Raises:
            FolderInUseError: small files are being joined.
        """
        with alone(self.folder, self.now_us, self._holder):
            self._replacing.advance()
        return sum(len(join.replaces) for join in self.folder.joins() if join.stage == "joined")

    @property
    def _holder(self) -> str:
        return f"{_HOLDER} on {self.machine}"

    @property
    def _replacing(self) -> Replacing:
        return Replacing(self.folder, now_us=self.now_us, grace=self.grace)

    def _found(self, names: Sequence[str], ends_us: Mapping[str, int]) -> list[tuple[str, str, int]]:
        """File, person and number of rows that are gone, of those files that have any."""
        naming = [name for name in names if PERSON in self.folder.schema(name)]
        if not naming:
            return []
        return (
            self.folder.scan(naming, name_column="__file")
            .filter(pl.col(PERSON).cast(pl.String).is_in(list(ends_us)), self._gone(naming[-1], ends_us))
            .group_by("__file", pl.col(PERSON).cast(pl.String))
            .agg(pl.len())
            .sort("__file")
            .collect()
            .rows()
        )

    def _leave_out(self, name: str, ends_us: Mapping[str, int], hold: Callable[[], None]) -> None:
        rows = self.folder.scan([name]).filter(~self._gone(name, ends_us))
        self._replacing.replace([name], rewritten(name), rows, hold)

    def _gone(self, name: str, ends_us: Mapping[str, int]) -> pl.Expr:
        there = self.folder.schema(name)
        return gone(ends_us, [time for time in self.times if time in there])


def fence(folder: Folder) -> None:
    """Take a number of an archive: whoever archives has to look at it again before it adds anything."""
    while True:
        number = folder.next_number()
        folder.finish_interrupted()
        try:
            folder.publish({}, number=number)
        except OvertakenError:
            continue
        return
