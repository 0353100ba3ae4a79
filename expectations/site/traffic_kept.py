"""Figures of the prediction log, kept day by day: a day is read again only when its files have changed.

They lie in ``<data_dir>/reports/traffic/<day>.json``.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import fsspec
import msgspec

from artefact.folder import write_atomically
from expectations.served import ServedLog
from expectations.site.traffic import COLUMNS, TrafficDay, measure


def traffic_days(
    folder: str, kept: Path, days: Collection[date], tell: Callable[[str], None] = lambda _: None
) -> Iterator[TrafficDay]:
    """The days that have answers, in order.

    Args:
        folder: Archive of the prediction log, a local path or a URL.
        kept: Where figures are kept.
        days: Which are wanted, in order.
        tell: Told which day is read.
    """
    for day in days:
        tell(f"predictions of {day}")
        files = _files(folder, day)
        found = _kept(kept / f"{day}.json", files) or _measured(folder, kept, day, files)
        if found:
            yield found


def _measured(folder: str, kept: Path, day: date, files: dict[str, int]) -> TrafficDay | None:
    if not files:
        return None
    start = datetime.combine(day, time(), UTC)
    log = ServedLog(folder).scan(start, start + timedelta(days=1), COLUMNS)
    found = measure(day, files, log)
    if found:
        kept.mkdir(parents=True, exist_ok=True)
        write_atomically(kept / f"{day}.json", msgspec.json.encode(found).decode())
    return found


def _kept(file: Path, files: dict[str, int]) -> TrafficDay | None:
    """What was kept of these very files."""
    if not file.exists():
        return None
    found = msgspec.json.decode(file.read_bytes(), type=TrafficDay)
    return found if found.files == files else None


def _files(folder: str, day: date) -> dict[str, int]:
    """Parquet files of a day and their sizes in bytes."""
    system, path = fsspec.core.url_to_fs(f"{folder.rstrip('/')}/date={day}")
    if not system.exists(path):
        return {}
    listed = system.ls(path, detail=True)
    found = {str(entry["name"]).rsplit("/", 1)[-1]: int(entry["size"]) for entry in listed}
    return {name: size for name, size in sorted(found.items()) if name.endswith(".parquet")}
