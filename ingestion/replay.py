"""Replays a CSV or parquet file into a topic: `python -m ingestion.replay FILE --mapping online_retail`."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ingestion.events.encoding import encode_rows
from ingestion.events.mapping import FileMapping, MappingError, included_mappings, load_mapping, read_rows
from ingestion.events.outbox import Outbox, UndeliveredError
from ingestion.events.pace import due_slices
from ingestion.events.settings import EventSettings, NoBrokerError

_CHUNK: Final = 20_000


@dataclass(frozen=True)
class Prepared:
    """Events in the order in which they are sent.

    Attributes:
        events: Fields of the messages, sorted by event time; the rows of a tie, and those without a time, which come
            first, in the order of the file.
        outside: Rows left out because their time is outside the limits.
        timeless: Rows left out because limits are set and they have no time.
    """

    events: pl.DataFrame
    outside: int
    timeless: int


def prepare(
    rows: pl.DataFrame, mapping: FileMapping, start: datetime | None = None, end: datetime | None = None
) -> Prepared:
    """Map rows to events and keep those with ``start <= event time < end`` (aware; None: without limit).

    Raises:
        MappingError: the mapping does not fit the file.
    """
    events = mapping.events(rows)
    when = pl.col(mapping.timestamp)
    timeless = 0 if start is None and end is None else events[mapping.timestamp].null_count()
    if start is not None:
        events = events.filter(when >= start)
    if end is not None:
        events = events.filter(when < end)
    kept = events.sort(mapping.timestamp, nulls_last=False, maintain_order=True)
    return Prepared(kept, rows.height - kept.height - timeless, timeless)


def send(
    prepared: Prepared,
    mapping: FileMapping,
    outbox: Outbox,
    *,
    topic: str,
    speed: float | None,
    arrival: Literal["event", "now"],
    now_us: Callable[[], int],
    on_sent: Callable[[int], None] = lambda _: None,
) -> int:
    """Send all events and wait until they are accepted; returns their number.

    Args:
        prepared: What to send.
        mapping: Names the key.
        outbox: Sends them.
        topic: Where to.
        speed: How many times faster than it happened; None as fast as the broker takes it.
        arrival: Message timestamp: the event time (where there is none, the time of sending) or the time of sending.
        now_us: The clock that the speed is kept by.
        on_sent: Told how many messages were queued each time.

    Raises:
        UndeliveredError: the broker did not accept all of them.
    """
    events = prepared.events
    times = events[mapping.timestamp].to_physical()
    due = _timetable(times, speed, now_us())
    for chunk in range(0, events.height, _CHUNK):
        part = events[chunk : chunk + _CHUNK]
        payloads = encode_rows(part)
        keys = part[mapping.key].cast(pl.String).to_list()
        stamps = _stamps(times[chunk : chunk + _CHUNK], arrival)
        for here in due_slices(due[chunk : chunk + _CHUNK], now_us, outbox.wait):
            for key, payload, stamp in zip(keys[here], payloads[here], stamps[here], strict=True):
                outbox.send(topic, key, payload, stamp)
            on_sent(here.stop - here.start)
    return outbox.finish()


def _timetable(
    times_us: pl.Series, speed: float | None, start_us: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """When each message is due: at once without a speed or an event time."""
    if speed is None or times_us.null_count() == len(times_us):
        return np.full(len(times_us), start_us)
    since_first = (times_us - times_us.min()).fill_null(0)
    return start_us + (since_first / speed).cast(pl.Int64).to_numpy()


def _stamps(times_us: pl.Series, arrival: Literal["event", "now"]) -> list[int]:
    """Message timestamps in milliseconds; 0 is the time of sending."""
    if arrival == "now":
        return [0] * len(times_us)
    return (times_us // 1000).fill_null(0).to_list()


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; 0 when every message was accepted."""
    asked = _parser().parse_args(arguments)
    console = Console()
    try:
        return _run(asked, EventSettings(), console)
    except (MappingError, NoBrokerError, UndeliveredError) as error:
        console.print(f"[red]{type(error).__name__}[/]: {error}", soft_wrap=True, highlight=False)
        return 2 if isinstance(error, MappingError) else 1


def _run(asked: argparse.Namespace, settings: EventSettings, console: Console) -> int:
    mapping = load_mapping(asked.mapping)
    prepared = prepare(read_rows(asked.file), mapping, asked.start, asked.end)
    topic = asked.topic or mapping.topic
    outbox = Outbox(settings.kafka(), delivery_timeout=timedelta(seconds=settings.delivery_timeout_seconds))
    outbox.require_topics([topic])
    if asked.arrival == "event":
        _warn_of_retention(prepared, mapping, outbox.retention(topic), topic, console)
    began = time.monotonic()
    with _progress(console) as progress:
        task = progress.add_task(f"replaying into {topic}", total=prepared.events.height)
        sent = send(
            prepared,
            mapping,
            outbox,
            topic=topic,
            speed=asked.speed,
            arrival=asked.arrival,
            now_us=lambda: time.time_ns() // 1000,
            on_sent=lambda count: progress.advance(task, count),
        )
    console.print(_summary(prepared, sent, topic, time.monotonic() - began))
    return 0


def _warn_of_retention(
    prepared: Prepared, mapping: FileMapping, kept: timedelta | None, topic: str, console: Console
) -> None:
    oldest = prepared.events[mapping.timestamp].min()
    if kept is not None and isinstance(oldest, datetime) and oldest < datetime.now(UTC) - kept:
        console.print(
            f"[yellow]The broker deletes messages of {topic!r} older than {kept}, and the file begins at {oldest}: "
            "whoever reads them must be running now. With `--arrival now`, or retention.ms=-1, they stay.[/]",
            soft_wrap=True,
            highlight=False,
        )


def _summary(prepared: Prepared, sent: int, topic: str, seconds: float) -> Table:
    table = Table("replay", topic)
    table.add_row("messages accepted", f"{sent:,}")
    table.add_row("messages/s", f"{sent / seconds:,.0f}")
    table.add_row("rows outside the limits", f"{prepared.outside:,}")
    table.add_row("rows without a time, left out by limits", f"{prepared.timeless:,}")
    return table


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    )


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _speed(text: str) -> float:
    if not 0 < (speed := float(text)) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no speed; give a number above 0, or leave it out")
    return speed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ingestion.replay", description=__doc__)
    parser.add_argument("file", type=Path, help=".parquet or .csv file")
    parser.add_argument(
        "--mapping", required=True, help=f".yaml or .toml file, or one of: {', '.join(included_mappings())}"
    )
    parser.add_argument("--topic", help="where to send (default: the mapping's)")
    parser.add_argument("--speed", type=_speed, help="times faster than it happened (default: flat out)")
    parser.add_argument(
        "--from", dest="start", type=_instant, help="first event time (UTC where no zone is given)"
    )
    parser.add_argument("--to", dest="end", type=_instant, help="event time to stop before")
    parser.add_argument(
        "--arrival", choices=("event", "now"), default="event", help="message timestamp (default: event)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
