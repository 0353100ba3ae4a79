"""Join the small files of archives, tables and the prediction log: `python -m ingestion.compact`.

A live stream archives a file every few seconds. This makes few per day of them, while the stream writes and others
read: run it every hour or so. What it replaced is deleted by a run that comes later than the grace.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.progress import Progress

from connections.local_folder import LocalFolder
from ingestion.compaction import Compaction
from ingestion.folder import Folder
from ingestion.folder_lock import FolderInUseError

ARCHIVES: Final = "archive"
TABLES: Final = "tables"
PREDICTIONS: Final = "predictions"


class CompactSettings(BaseSettings):
    """Read from the environment, each name with the prefix `SHOP_`."""

    model_config = SettingsConfigDict(
        env_prefix="SHOP_", frozen=True, env_ignore_empty=True, use_attribute_docstrings=True
    )

    data_dir: LocalFolder = Path("data")
    """Everything the platform writes on this machine lies under this folder."""


def main(argv: Sequence[str] | None = None) -> int:
    """Compact every archive and table, and the prediction log, below a root; 1 where one of them was in use."""
    asked = _parser(CompactSettings()).parse_args(argv)
    work = list(_compactions(asked.root, asked.target_mb * 2**20, timedelta(minutes=asked.grace_minutes)))
    busy = 0
    with Progress(console=Console(stderr=True)) as progress:
        for name, compaction in progress.track(work, description="folders"):
            try:
                counts = compaction.run()
            except FolderInUseError as error:
                print(error, file=sys.stderr)
                busy += 1
            else:
                print(f"{name}: {counts.joined} files joined into {counts.into}, {counts.deleted} deleted")
    return 1 if busy else 0


def _compactions(root: str, target_bytes: int, grace: timedelta) -> Iterator[tuple[str, Compaction]]:
    for name, sort_by in _folders(root):
        yield (
            name,
            Compaction(
                Folder(f"{root}/{name}"),
                now_us=lambda: time.time_ns() // 1000,
                target_bytes=target_bytes,
                grace=grace,
                sort_by=sort_by,
            ),
        )


def _folders(root: str) -> Iterator[tuple[str, str | None]]:
    """Each folder and the column by which the rows of its files are sorted."""
    for kind, sort_by in ((ARCHIVES, "event_timestamp"), (TABLES, None)):
        for name in Folder(f"{root}/{kind}").subfolders():
            yield f"{kind}/{name}", sort_by
    if Folder(f"{root}/{PREDICTIONS}").exists():
        yield PREDICTIONS, "event_timestamp"


def _parser(settings: CompactSettings) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m ingestion.compact",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--root",
        default=str(settings.data_dir),
        help="folder or URL of the offline store (SHOP_DATA_DIR, %(default)s)",
    )
    parser.add_argument(
        "--target-mb", type=int, default=128, help="largest size of a joined file (%(default)s)"
    )
    parser.add_argument(
        "--grace-minutes",
        type=float,
        default=60,
        help="how long replaced files are kept for readers that have listed them (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
