"""The live phase of the demo: events through Kafka and requests to the API at once, then everything drained."""

import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from infra.answers import LoadResult
from infra.fill import python
from infra.scrape import Metrics
from infra.services.processes import nice
from infra.steps import StepFailedError, tail

DRAIN_TIMEOUT_SECONDS = 60.0
START_MARGIN_SECONDS = 6.0
POLL_SECONDS = 0.2
CLIENT_ROWS = 5_000
NICENESS = {"ingestion.simulate": 5}
"""Of programs beside the clients: a shop has its traffic elsewhere, here it would take the cores from what it is sent to."""


@dataclass(frozen=True)
class LivePlan:
    """Rates and length of the live phase."""

    seconds: float
    events_per_second: float
    predictions_per_second: float


@dataclass(frozen=True)
class LiveOutcome:
    """What was sent, what the clients saw, and the stream worker's counts once it had read everything."""

    sent: Mapping[str, Any]
    load: LoadResult
    stream: Metrics
    seconds: float


@dataclass(frozen=True)
class LogOutcome:
    """Predictions that Kafka has acknowledged, that were shed or failed, and that are in the archive."""

    logged: float
    unlogged: float
    archived: float


def recent_orders(root: Path, rows: int = CLIENT_ROWS) -> pl.DataFrame:
    """The last orders of the archive: whom and what clients ask about."""
    files = sorted((root / "archive" / "orders").glob("date=*"))[-2:]
    orders = pl.scan_parquet([f / "*.parquet" for f in files]).sort("event_timestamp").tail(rows)
    return orders.select("user_id", "product_id", "device_id", "amount").collect()


def request_bodies(orders: pl.DataFrame) -> list[bytes]:
    """Bodies of POST /predict, one an order."""
    return [
        json.dumps(
            {
                "user_id": row["user_id"],
                "product_id": row["product_id"],
                "transaction_amount": row["amount"],
                "context": {"device_id": row["device_id"], "session_id": f"demo_{number}"},
            }
        ).encode()
        for number, row in enumerate(orders.iter_rows(named=True))
    ]


def run_live(
    plan: LivePlan, *, root: Path, api: str, stream: str, environment: Mapping[str, str], console: Console
) -> LiveOutcome:
    """Send events and requests side by side, then wait until the stream worker has read every event.

    Raises:
        StepFailedError: one of the programs failed, or the worker did not catch up in time.
    """
    work = root / "live"
    work.mkdir(exist_ok=True)
    (work / "bodies.jsonl").write_bytes(b"\n".join(request_bodies(recent_orders(root))))
    before = Metrics.scrape(stream).total("shop_stream_messages_consumed_total")
    rate, length = str(plan.events_per_second), str(plan.seconds)
    events = python("ingestion.simulate", "live", "--events-per-second", rate, "--seconds", length)
    load = python("infra.load", "--url", f"http://{api}/predict", "--bodies", str(work / "bodies.jsonl"))
    load += ["--requests-per-second", str(plan.predictions_per_second), "--seconds", length]
    _side_by_side(
        [[*events, "--counts-file", str(work / "sent.json")], [*load, "--json", str(work / "load.json")]],
        plan.seconds,
        work,
        environment,
        console,
    )
    sent = json.loads((work / "sent.json").read_text())
    return LiveOutcome(
        sent=sent,
        load=LoadResult(**json.loads((work / "load.json").read_text())),
        stream=drained(stream, before + sent["total"]),
        seconds=plan.seconds,
    )


def drained(stream: str, messages: float) -> Metrics:
    """The worker's metrics once it has consumed that many messages, archived what it keeps and pushed what waited.

    Raises:
        StepFailedError: it has not within a minute.
    """
    deadline = time.monotonic() + DRAIN_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        metrics = Metrics.scrape(stream)
        read = metrics.total("shop_stream_messages_consumed_total")
        archived = metrics.total("shop_stream_archive_rows_total")
        is_archived = archived >= metrics.total("shop_stream_events_valid_total")
        if read >= messages and is_archived and not metrics.total("shop_stream_boundary_rows_pending"):
            return metrics
        time.sleep(POLL_SECONDS)
    raise StepFailedError(f"the stream worker has read {read:.0f} of {messages:.0f} messages after a minute")


def all_archived(api: str, keeper: str) -> LogOutcome:
    """What became of the predictions, once as many are archived as were logged.

    Raises:
        StepFailedError: they are not within a minute.
    """
    deadline = time.monotonic() + DRAIN_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        outcomes = Metrics.scrape(api)
        by_outcome = outcomes.by("shop_api_predictions_logged_total", "outcome")
        logged = by_outcome.pop("acknowledged", 0.0)
        archived = Metrics.scrape(keeper).total("shop_stream_archive_rows_total")
        if archived >= logged and not outcomes.total("shop_api_predictions_unlogged"):
            return LogOutcome(logged, sum(by_outcome.values()), archived)
        time.sleep(POLL_SECONDS)
    raise StepFailedError(f"{archived:.0f} of {logged:.0f} logged predictions are archived after a minute")


def _side_by_side(
    commands: Sequence[Sequence[str]],
    seconds: float,
    logs: Path,
    environment: Mapping[str, str],
    console: Console,
) -> None:
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen(
                    (*nice(NICENESS.get(command[2], 0)), *command),
                    stdin=subprocess.DEVNULL,
                    stdout=stack.enter_context((logs / f"{command[2]}.log").open("wb")),
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **environment},
                )
            )
            for command in commands
        ]
        try:
            _wait(running, seconds, console)
        finally:
            for process in running:
                process.terminate()
    for process, command in zip(running, commands, strict=True):
        if process.returncode and command[2] != "infra.load":
            raise StepFailedError(f"{command[2]} failed:\n{tail(logs / f'{command[2]}.log')}")


def _wait(running: Sequence[subprocess.Popen[bytes]], seconds: float, console: Console) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeRemainingColumn())
    deadline = time.monotonic() + 3 * seconds + DRAIN_TIMEOUT_SECONDS
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("live events and predictions", total=seconds + START_MARGIN_SECONDS)
        while any(process.poll() is None for process in running):
            if time.monotonic() > deadline:
                raise StepFailedError("the live phase took three times as long as it should; see its logs")
            progress.advance(task, POLL_SECONDS)
            time.sleep(POLL_SECONDS)
        progress.update(task, completed=seconds + START_MARGIN_SECONDS)
