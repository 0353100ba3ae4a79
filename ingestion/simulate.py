"""Makes the shop's events: `python -m ingestion.simulate history` and `python -m ingestion.simulate live`."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ingestion.archive import Archive
from ingestion.events.outbox import Outbox, UndeliveredError
from ingestion.events.pace import due_slices
from ingestion.events.settings import EventSettings, NoBrokerError
from ingestion.events.simulator import TOPICS, History, LiveCounts, LiveEvents, Shop, ShopConfig
from ingestion.folder import Folder

TABLE_FILE: Final = "shop.parquet"
WORLD_FILE: Final = "shop.json"
"""Which world the history is of, so that live events go on in it."""
_LEAD: Final = timedelta(seconds=2)
_DRAWN_PER_SECOND: Final = 40_000
"""Live events are drawn before the first one is due; so much time is given to it."""


class AlreadyArchivedError(Exception):
    """There are events already where a history was to be written."""


def write_history(history: History, tables: dict[str, pl.DataFrame], root: Path) -> None:
    """Write the archives, the tables and, beside them, the ground truth below the offline store's root.

    Raises:
        AlreadyArchivedError: an archive has events already; a second history would count everything twice.
    """
    archives = {name: Archive(root, name) for name in history.archives}
    if filled := sorted(name for name, archive in archives.items() if archive.days()):
        raise AlreadyArchivedError(
            f"{root / 'archive'} has {filled} already; delete them first (`make clean` deletes everything)"
        )
    for name, frame in history.archives.items():
        archives[name].write(frame)
    for name, frame in tables.items():
        Folder(root / "tables" / name).publish({TABLE_FILE: frame})
    Folder(root / "ground_truth").publish({"orders.parquet": history.ground_truth})


def send_live(
    events: LiveEvents,
    outbox: Outbox,
    *,
    now_us: Callable[[], int],
    on_sent: Callable[[int], None] = lambda _: None,
) -> int:
    """Send each message at its arrival by the clock and wait until all are accepted; returns their number.

    Raises:
        UndeliveredError: the broker did not accept all of them.
    """
    for here in due_slices(events.arrivals_us, now_us, outbox.wait):
        for topic, key, payload in zip(
            events.topics[here], events.keys[here], events.payloads[here], strict=True
        ):
            outbox.send(topic, key, payload)
        on_sent(here.stop - here.start)
    return outbox.finish()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when everything was written or accepted."""
    asked = _parser().parse_args(arguments)
    console = Console()
    try:
        return int(asked.run(asked, EventSettings(), console))
    except (AlreadyArchivedError, NoBrokerError, UndeliveredError, ValueError) as error:
        console.print(f"[red]{type(error).__name__}[/]: {error}", soft_wrap=True, highlight=False)
        return 1


def _history(asked: argparse.Namespace, settings: EventSettings, console: Console) -> int:
    end = asked.end or datetime.now(UTC).replace(microsecond=0)
    start = end - timedelta(days=asked.days)
    config = ShopConfig(present=end, products=asked.products).scaled(asked.scale)
    shop = Shop(config, asked.seed)
    with _progress(console) as progress:
        task = progress.add_task("drawing days", total=shop.days_drawn(start, end))
        history = shop.history(start, end, on_day=lambda: progress.advance(task))
        writing = progress.add_task("writing the archive", total=1)
        write_history(history, shop.tables(end), settings.data_dir)
        _save_world(settings.data_dir / WORLD_FILE, config, asked.seed)
        progress.advance(writing)
    table = Table("history", f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC")
    for name, frame in history.archives.items():
        table.add_row(name, f"{frame.height:,}")
    table.add_row("fraudulent orders", f"{history.ground_truth.height:,}")
    console.print(table)
    return 0


def _live(asked: argparse.Namespace, settings: EventSettings, console: Console) -> int:
    outbox = Outbox(settings.kafka(), delivery_timeout=timedelta(seconds=settings.delivery_timeout_seconds))
    outbox.require_topics(TOPICS)
    drawing = timedelta(seconds=asked.seconds * asked.events_per_second / _DRAWN_PER_SECOND)
    start = datetime.now(UTC) + _LEAD + drawing
    shop = _saved_shop(settings.data_dir / WORLD_FILE, start)
    events = shop.live(start, timedelta(seconds=asked.seconds), asked.events_per_second)
    with _progress(console) as progress:
        task = progress.add_task("sending live events", total=len(events))
        send_live(
            events,
            outbox,
            now_us=lambda: time.time_ns() // 1000,
            on_sent=lambda count: progress.advance(task, count),
        )
    if asked.counts_file:
        asked.counts_file.write_text(json.dumps(asdict(events.counts), indent=2), "utf-8")
    console.print(_counts_table(events.counts))
    return 0


def _counts_table(counts: LiveCounts) -> Table:
    table = Table("live events", "messages")
    for name in ("total", "valid", "duplicate", "late", "out_of_order"):
        table.add_row(name.replace("_", " "), f"{getattr(counts, name):,}")
    for kind, number in sorted(counts.malformed.items()):
        table.add_row(f"malformed: {kind}", f"{number:,}")
    for topic, (total, valid) in counts.by_topic.items():
        table.add_row(f"topic {topic}", f"{total:,}, {valid:,} valid")
    return table


def _save_world(file: Path, config: ShopConfig, seed: int) -> None:
    world = {
        "present": config.present.isoformat(),
        "customers": config.customers,
        "products": config.products,
    }
    file.write_text(json.dumps(world | {"seed": seed}), "utf-8")


def _saved_shop(file: Path, now: datetime) -> Shop:
    """The shop whose history was written, or a new one where none was."""
    if not file.exists():
        return Shop(ShopConfig(present=now))
    world = json.loads(file.read_text("utf-8"))
    present = datetime.fromisoformat(world["present"])
    return Shop(
        ShopConfig(present=present, customers=world["customers"], products=world["products"]), world["seed"]
    )


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingestion.simulate", description=__doc__)
    commands = parser.add_subparsers(required=True)
    history = commands.add_parser("history", help="write the archive and the shop's tables")
    history.add_argument("--days", type=float, default=45, help="how far back (default: 45)")
    history.add_argument(
        "--end", type=_instant, help="where it ends (UTC where no zone is given; default: now)"
    )
    history.add_argument(
        "--seed", type=int, default=7, help="the same seed gives the same world (default: 7)"
    )
    history.add_argument("--scale", type=float, default=1.0, help="times 5,000 customers (default: 1)")
    history.add_argument(
        "--products", type=int, default=1_000, help="products of the catalogue (default: 1000)"
    )
    history.set_defaults(run=_history)
    live = commands.add_parser(
        "live", help="send events to Kafka as if they happened now, in the world of the history"
    )
    live.add_argument("--events-per-second", type=float, default=1_500, help="of all topics (default: 1500)")
    live.add_argument("--seconds", type=float, default=30, help="how long (default: 30)")
    live.add_argument("--counts-file", type=Path, help="write what was sent as JSON")
    live.set_defaults(run=_live)
    return parser


if __name__ == "__main__":
    sys.exit(main())
