"""Fills the online store from the archive and the tables alone: `python -m ingestion.rebuild [VIEW ...]`.

For a Redis that lost its data, or a new one: neither Kafka nor a stream worker nor its snapshots are needed. Beside a running
stream it is safe: a row that the stream has written since, or of the same instant, stays.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from ingestion.stream.errors import StreamError
from ingestion.stream.feast_start import import_feast
from ingestion.stream.settings import StreamSettings

if TYPE_CHECKING:
    from ingestion.rebuilding import Moment, Rebuilt


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status: 1 where something could not be rebuilt."""
    asked = _parser().parse_args(argv)
    import_feast()
    from ingestion.rebuilding import RebuildError  # noqa: PLC0415  - --help imports nothing of Feast
    from ingestion.stores.redis_online.address import RedisUnavailableError  # noqa: PLC0415

    try:
        return _run(StreamSettings(), asked.view, Console())
    except (RebuildError, RedisUnavailableError, StreamError, TypeError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(settings: StreamSettings, names: Sequence[str], console: Console) -> int:
    from ingestion.rebuilding import moment_of, rebuild, views_of  # noqa: PLC0415
    from ingestion.stream.registry import opened  # noqa: PLC0415

    began, store = time.monotonic(), opened(settings.feature_repo)
    views = views_of(store, names)
    moment = moment_of(store, views, settings.stream_clock, lambda: datetime.now(UTC))
    done, failed = list["Rebuilt"](), dict[str, str]()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for view in progress.track(views, description="views"):
            bar = _Bar(progress, progress.add_task(f"{view.name}: computing", total=None), view.name)
            try:
                done.append(rebuild(store, view, moment, bar.told))
            except ConnectionError:
                raise
            except Exception as error:  # noqa: BLE001  # the other views are wanted all the same
                failed[view.name] = str(error)
            progress.remove_task(bar.task)
    console.print(_table(done, moment, time.monotonic() - began))
    for name, why in failed.items():
        print(f"{name} was not rebuilt: {why}", file=sys.stderr)
    return 1 if failed else 0


class _Bar:
    """Shows how far the rows of a view are written."""

    def __init__(self, progress: Progress, task: TaskID, view: str) -> None:
        self.task = task
        self._progress = progress
        self._view = view

    def told(self, rows: int, written: int) -> None:
        description = f"{self._view}: writing"
        self._progress.update(self.task, description=description, total=rows, advance=written)


def _table(done: "Sequence[Rebuilt]", moment: "Moment", seconds: float) -> Table:
    table = Table("view", title=f"as of {moment.end:%Y-%m-%d %H:%M:%S} UTC", title_justify="left")
    for heading in ("entities", "rows written", "newer ones kept"):
        table.add_column(heading, justify="right")
    for one in done:
        table.add_row(one.view, f"{one.entities:,}", f"{one.written:,}", f"{one.kept:,}")
    table.add_section()
    table.add_row(f"{seconds:.1f} s", "", f"{sum(one.written for one in done):,}", "")
    return table


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m ingestion.rebuild",
        description=__doc__,
        epilog="settings, from the environment, as for the stream worker: SHOP_FEATURE_REPO, SHOP_STREAM_CLOCK",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("view", nargs="*", help="only these views (all that are served online)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
