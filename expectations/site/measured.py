"""Records of measurements, as many as it takes to show their course."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from expectations.records import STAMP

Record = TypeVar("Record")
_HOUR: Final = len("20260424T08")


def hourly(kind: type[Record], folder: Path, since: datetime) -> list[Record]:
    """The last record of each hour from an instant (aware) on, the newest first; without any so new, the newest of all."""
    files = sorted(folder.glob("[!.]*.json"), reverse=True)
    by_hour: dict[str, Path] = {}
    for file in files:
        by_hour.setdefault(file.name[:_HOUR], file)
    first = f"{since.astimezone(UTC):{STAMP}}"
    wanted = [file for file in by_hour.values() if file.name >= first] or files[:1]
    return [msgspec.json.decode(file.read_bytes(), type=kind) for file in wanted]


def daily(kind: type[Record], folder: Path, since: date) -> list[Record]:
    """Records of days, in a folder for each model, by model and day: from a day on, and of each model at least the newest."""
    found = []
    for model in sorted(folder.glob("[!.]*/")):
        files = sorted(model.glob("[!.]*.json"))
        found += [file for file in files if file.stem >= f"{since}"] or files[-1:]
    return [msgspec.json.decode(file.read_bytes(), type=kind) for file in found]
