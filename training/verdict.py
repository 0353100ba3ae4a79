"""What the checks of a version said."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from artefact import ArtefactError
from artefact.folder import VERDICT_FILE


@dataclass(frozen=True)
class Check:
    """One condition: what was looked at, whether it held, and the figures."""

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True)
class Verdict:
    """All checks of a version, and whether it is to be used."""

    checks: tuple[Check, ...]
    promote: bool

    @property
    def failed(self) -> list[str]:
        """Names of the checks that did not hold."""
        return [check.name for check in self.checks if not check.holds]

    @property
    def summary(self) -> str:
        """In a few words."""
        if self.failed:
            return f"not promoted: {', '.join(self.failed)}"
        return "promoted" if self.promote else "fit for use, not promoted: SHOP_TRAINING_PROMOTE is false"

    def to_json(self) -> str:
        """Content of ``verdict.json``."""
        return (
            json.dumps({"promote": self.promote, "checks": [asdict(c) for c in self.checks]}, indent=2) + "\n"
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Of a published version.

        Raises:
            ArtefactError: if it has none.
        """
        try:
            read = json.loads((folder / VERDICT_FILE).read_bytes())
        except FileNotFoundError as error:
            raise ArtefactError(f"there is no {VERDICT_FILE} in {folder}: it was never judged") from error
        return cls(tuple(Check(**check) for check in read["checks"]), read["promote"])
