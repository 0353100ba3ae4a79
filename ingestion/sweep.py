"""Removes rows older than their view's ttl from the online store: `python -m ingestion.sweep`.

Redis 7.4 and Valkey 9 drop them by themselves where `expire_outdated` is set in feature_store.yaml; for other servers run
this once a day. It looks at every entity of the project, some at a time, and stands back in between.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table


class SweepSettings(BaseSettings):
    """Settings of the sweep, from the environment."""

    model_config = SettingsConfigDict(env_prefix="SHOP_", env_ignore_empty=True, extra="ignore", frozen=True)

    feature_repo: Path = Path("feature_repo")
    """Folder of the Feast definitions."""


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status."""
    options = _parser().parse_args(argv)
    return run(SweepSettings().feature_repo, options.keys_per_second)


def run(feature_repo: Path, keys_per_second: float) -> int:
    """Sweep the online store of a feature repository once and print what was removed."""
    from feast import FeatureStore  # noqa: PLC0415  takes seconds; --help does without

    from ingestion.stores.outdated import SweepCounts, sweep  # noqa: PLC0415

    console, counts = Console(), SweepCounts()
    try:
        with Progress(
            SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=console
        ) as bar:
            task = bar.add_task("entities")
            for counts in sweep(FeatureStore(str(feature_repo)), time.time(), keys_per_second):
                bar.update(task, description=f"{counts.entities:,} entities")
    except (ConnectionError, TypeError) as error:
        print(error, file=sys.stderr)
        return 1
    console.print(_table(counts.entities, counts.removed))
    return 0


def _table(entities: int, removed: dict[str, int]) -> Table:
    table = Table("view", title=f"{entities:,} entities looked at", title_justify="left")
    table.add_column("outdated rows removed", justify="right")
    for view, rows in removed.items():
        table.add_row(view, f"{rows:,}")
    return table


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m ingestion.sweep", description=(__doc__ or "").split("\n")[0]
    )
    made.add_argument(
        "--keys-per-second",
        type=float,
        default=5_000.0,
        metavar="N",
        help="look at no more entities than this in a second (default: 5000)",
    )
    return made


if __name__ == "__main__":
    sys.exit(main())
