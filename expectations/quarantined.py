"""What is known of rows in quarantine beside the rows: which batch, why, and what became of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ENTRY_FILE: Final = "entry.json"
"""Beside the rows: ``<quarantine>/<suite>/<batch>/entry.json``."""


@dataclass(frozen=True)
class Entry:
    """Rows of one batch.

    Attributes:
        suite: What they were held to.
        batch: Name of the batch: a day, or the time of a gate's decision.
        time: When they were kept, ISO 8601, UTC.
        rows: How many are kept.
        reasons: Number of rows for each expectation that rows break.
        refused: Whether the batch broke its suite and is kept whole; otherwise it passed without these rows.
        closed: What became of them, by whom, why and when; None while they wait.
    """

    suite: str
    batch: str
    time: str
    rows: int
    reasons: Mapping[str, int]
    refused: bool
    closed: Mapping[str, Any] | None = None

    @property
    def name(self) -> str:
        """How commands name it."""
        return f"{self.suite}/{self.batch}"


def read_entry(file: Path) -> Entry:
    """The entry in a file."""
    return Entry(**json.loads(file.read_text(encoding="utf-8")))


def read_entries(quarantine: Path) -> list[Entry]:
    """All of a quarantine's folder, the newest first; none where there is no folder."""
    found = map(read_entry, quarantine.glob(f"*/*/{ENTRY_FILE}"))
    return sorted(found, key=lambda entry: (entry.time, entry.name), reverse=True)
