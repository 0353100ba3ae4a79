"""What reports and the quarantine quote of people: rows that broke an expectation, served values that history does not have.

A row of theirs in a JSON file loses all of its texts, and the person's id is taken out wherever else it stands. Rows of a parquet
file are left out. Any other file that names them, such as a page, is deleted: it can be made again from the rest.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from ingestion.erasures.tombstones import PERSON, gone
from ingestion.erasures.words import word
from ingestion.stores import single_file

ERASED: Final = "erased"
"""Stands where a text was."""
REASONS: Final = "_reasons"
"""Column of quarantined rows: the expectations that each breaks."""
_ROWS, _ENTRY = "rows.parquet", "entry.json"


@dataclass(frozen=True)
class Reports:
    """A folder of reports.

    Attributes:
        folder: JSON files, parquet files and pages, at any depth.
    """

    folder: Path

    def leave_out(self, ends: Mapping[str, int]) -> dict[str, int]:
        """Take people out of all files; how many files named each.

        Args:
            ends: Up to when, Unix microseconds, by person; of files that tell no times everything is gone.

        Raises:
            OSError: a file cannot be written; it is as it was.
        """
        counts = dict.fromkeys(ends, 0)
        patterns = {person: _in_files(person) for person in ends}
        for file in _files(self.folder):
            if file.suffix == ".parquet":
                for person in _leave_out_rows(file, ends):
                    counts[person] += 1
                continue
            content = file.read_bytes()
            named = [person for person, pattern in patterns.items() if pattern.search(content)]
            if named:
                _leave_out(file, content, named)
            for person in named:
                counts[person] += 1
        return counts


@dataclass(frozen=True)
class Quarantine:
    """The folder of rows and batches that broke an expectation (`expectations.quarantine`).

    Attributes:
        folder: ``<suite>/<batch>/`` with the rows and what is said about them.
    """

    folder: Path

    def leave_out(self, ends: Mapping[str, int]) -> dict[str, int]:
        """Take rows of people out of all entries, and entries away of which nothing is left; how many rows, by person.

        Args:
            ends: Up to when, Unix microseconds, by person.

        Raises:
            OSError: a file cannot be written; it is as it was.
        """
        counts = dict.fromkeys(ends, 0)
        for file in _files(self.folder):
            if file.name == _ROWS:
                for person, rows in _leave_out_rows(file, ends).items():
                    counts[person] += rows
                _count_anew(file)
        return counts


def without(value: Any, people: Sequence[str]) -> Any:
    """A JSON value without people: a row that has an id as one of its values keeps only what is no text."""
    if isinstance(value, dict):
        theirs = any(isinstance(one, str) and one in people for one in value.values())
        return {
            _unnamed(name, people): ERASED if theirs and isinstance(one, str) else without(one, people)
            for name, one in value.items()
        }
    if isinstance(value, list):
        return [without(one, people) for one in value]
    return _unnamed(value, people) if isinstance(value, str) else value


def _unnamed(text: str, people: Sequence[str]) -> str:
    return re.sub(word(people), ERASED, text)


def _in_files(person: str) -> re.Pattern[bytes]:
    """An id as files have it: as it is, as JSON escapes it, as pages do."""
    return re.compile(word({person, json.dumps(person)[1:-1], html.escape(person)}).encode())


def _rewritten(content: bytes, people: Sequence[str]) -> bytes | None:
    """A JSON file without people; None: it cannot be read."""
    try:
        return json.dumps(without(json.loads(content), people), indent=1).encode()
    except ValueError:
        return None


def _write(file: Path, content: bytes) -> None:
    """Readers see the old file or the new one."""
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(file)


def _leave_out(file: Path, content: bytes, people: Sequence[str]) -> None:
    told = _rewritten(content, people) if file.suffix == ".json" else None
    if told is None:
        file.unlink(missing_ok=True)
    else:
        _write(file, told)


def _files(folder: Path) -> Iterator[Path]:
    """All of them; nothing where there is no folder."""
    return (file for file in sorted(folder.rglob("*")) if file.is_file())


def _leave_out_rows(file: Path, ends: Mapping[str, int]) -> dict[str, int]:
    """Rows that were taken out of a parquet file, by person; by the earliest of their times, without any all of them."""
    there = pl.read_parquet_schema(file)
    if PERSON not in there:
        return {}
    times = [name for name, kind in there.items() if kind == pl.Datetime]
    theirs = pl.col(PERSON).cast(pl.String).is_in(list(ends))
    out = single_file.leave_out(file, gone(ends, times) if times else theirs)
    return dict(out.group_by(pl.col(PERSON).cast(pl.String)).agg(pl.len()).iter_rows())


def _count_anew(rows: Path) -> None:
    """Make an entry say what its rows are; one without rows is deleted."""
    note = rows.with_name(_ENTRY)
    reasons = pl.read_parquet(rows, columns=[REASONS])[REASONS]
    if reasons.is_empty():
        note.unlink(missing_ok=True)
        rows.unlink()
        rows.parent.rmdir()
        return
    if note.is_file() and (entry := json.loads(note.read_bytes()))["rows"] != len(reasons):
        counted = reasons.explode(empty_as_null=False).value_counts(sort=True)
        told = entry | {"rows": len(reasons), "reasons": dict(counted.iter_rows())}
        _write(note, json.dumps(told, indent=1).encode())
