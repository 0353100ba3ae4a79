"""Which files of a folder count while small ones are replaced by a joined one.

A join is a record, a small file of its own, that goes through three stages::

    writing   the joined file is being written            the small ones count, the joined one does not
    joined    it is complete and durable                  it counts, the small ones do not
    cleared   the small ones are deleted                  nothing is left to be told apart
    (record removed)

Each step is one atomic change of the record, so every reader counts each row exactly once, if it lists the files first
and the records second:

* a joined file that it saw has a record, because the record is written before and stays long after;
* a joined file that it did not see, as it appeared in between, is named by the record as soon as it counts;
* a small file that counts is there, because it is deleted long after it ceased to count.

"Long" is the grace of the compaction: no reader takes longer from listing files to opening the last of them.
"""

import json
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Final, Literal, Self

JOINS: Final = "_joins"
"""Folder of the records."""
REWRITTEN: Final = r"~[0-9a-f]{8}"
"""What stands in the name of a file that has the rows of one file, some of them left out, before its ending."""

Stage = Literal["writing", "joined", "cleared"]


@dataclass(frozen=True)
class Join:
    """The record of a join; names are relative to the folder.

    Attributes:
        file: The joined file.
        replaces: The small ones, all in the same subfolder as it.
        stage: How far it came.
        since_us: When it came there, in microseconds since the epoch.
    """

    file: str
    replaces: tuple[str, ...]
    stage: Stage
    since_us: int

    @property
    def record(self) -> str:
        """Name of the record's own file."""
        return f"{JOINS}/{self.file.replace('/', '~')}.json"

    def to_json(self) -> bytes:
        """The record's content."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, content: bytes) -> Self:
        """The record that `to_json` wrote."""
        fields: Mapping[str, object] = json.loads(content)
        return cls(**{**fields, "replaces": tuple(fields["replaces"])})  # type: ignore[arg-type]  # of our own


def counting(listed: Iterable[str], joins: Sequence[Join], below: Sequence[str] | None = None) -> list[str]:
    """The files that count, sorted by subfolder as in `below`, then by name.

    Args:
        listed: Files that were seen in the folder before the records were read.
        joins: The records.
        below: The subfolders that were listed; None: all of them.
    """
    hidden = {join.file for join in joins if join.stage == "writing"}
    hidden.update(name for join in joins if join.stage != "writing" for name in join.replaces)
    joined = {join.file for join in joins if join.stage == "joined" and _lies(join.file, below)}
    return sorted(({*listed} | joined) - hidden)


def _lies(name: str, below: Sequence[str] | None) -> bool:
    parent = str(PurePosixPath(name).parent)
    return below is None or parent in {folder or "." for folder in below}


def rewritten(name: str) -> str:
    """A new name for what is left of a file; it sorts where the file did."""
    path = PurePosixPath(original(name))
    return str(path.with_name(f"{path.stem}~{uuid.uuid4().hex[:8]}{path.suffix}"))


def original(name: str) -> str:
    """The name that a file had before rows were left out."""
    return re.sub(REWRITTEN, "", name)
