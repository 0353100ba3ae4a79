"""Rows that broke an expectation, kept with what they broke, until somebody says what becomes of them.

::

    <data_dir>/quarantine/<suite>/<batch>/
      rows.parquet        the rows, and `_reasons`, the expectations that each breaks
      entry.json          the `Entry`

A refused batch is kept whole. Of a batch that passed, the rows within `mostly` are kept: rows of features were held back
from the online store; events stay in the archive too, which is the log of what arrived, and count as they did.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import polars as pl

from expectations.checking import CheckResult
from expectations.kept import Acceptance
from expectations.quarantined import ENTRY_FILE, Entry, read_entries, read_entry
from expectations.reports import write_text
from expectations.settings import QualitySettings

REASONS: Final = "_reasons"
_ROWS: Final = "rows.parquet"


class QuarantineError(LookupError):
    """There is no such entry, or it cannot be replayed."""


class Quarantine:
    """The folder of kept rows."""

    def __init__(self, settings: QualitySettings) -> None:
        self.folder = settings.quarantine_dir.resolve()

    def keep(self, entry: Entry, rows: pl.DataFrame, reasons: Sequence[Sequence[str]]) -> Path:
        """Keep rows, each with its reasons; a batch that was kept before is replaced. Returns the file of the rows."""
        folder = self.folder / entry.suite / entry.batch
        folder.mkdir(parents=True, exist_ok=True)
        marked = rows.with_columns(pl.Series(REASONS, list(reasons), dtype=pl.List(pl.String)))
        temporary = folder / f".{_ROWS}.tmp"
        marked.write_parquet(temporary)
        temporary.replace(folder / _ROWS)
        counted = Counter(reason for of in reasons for reason in of)
        self._note(replace(entry, rows=rows.height, reasons=dict(counted)))
        return folder / _ROWS

    def entries(self) -> list[Entry]:
        """All of them, the newest first."""
        return read_entries(self.folder)

    def entry(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            QuarantineError: there is none.
        """
        for entry in self.entries():
            if entry.name == name:
                return entry
        raise QuarantineError(
            f"nothing is in quarantine as {name!r} in {self.folder}; `python -m expectations quarantine list --all` "
            "shows what there is"
        )

    def known(self, entry: Entry) -> Entry | None:
        """What is kept of the same batch already."""
        file = self.folder / entry.name / ENTRY_FILE
        return read_entry(file) if file.exists() else None

    def file(self, entry: Entry) -> Path:
        """Where its rows are."""
        return self.folder / entry.name / _ROWS

    def rows(self, entry: Entry) -> pl.DataFrame:
        """The rows with their reasons."""
        return pl.read_parquet(self.file(entry))

    def close(self, entry: Entry, outcome: Mapping[str, Any]) -> None:
        """Say what became of an entry; its rows are kept."""
        self._note(replace(entry, closed=outcome))

    def _note(self, entry: Entry) -> None:
        write_text(self.folder / entry.name / ENTRY_FILE, json.dumps(asdict(entry), indent=1))


def put_aside(
    settings: QualitySettings,
    frame: pl.DataFrame,
    result: CheckResult,
    batch: str,
    now: datetime,
    *,
    whole: bool,
    accepted: Acceptance | None = None,
) -> Path:
    """Keep the broken rows of a checked batch, or the `whole` of one that broke its suite; the file of the rows.

    A batch that somebody took all the same (`accepted`) is decided about. A day that is checked again, and of which as many rows
    were decided about before, stays as it is.
    """
    quarantine = Quarantine(settings)
    entry = Entry(result.suite, batch, now.isoformat(timespec="seconds"), 0, {}, refused=whole)
    numbers = list(range(frame.height)) if whole else list(result.broken)
    known = quarantine.known(entry)
    if not numbers or (known and known.closed and known.rows == len(numbers)):
        return quarantine.file(entry)
    rows = frame if whole else frame[numbers]
    file = quarantine.keep(entry, rows, [result.broken.get(number, []) for number in numbers])
    if accepted:
        quarantine.close(read_entry(file.with_name(ENTRY_FILE)), {"what": "taken", **asdict(accepted)})
    return file
