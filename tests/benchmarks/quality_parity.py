"""Parity of what is served under load: the platform as `make up` runs it, events beside predictions, then the meter over all of them.

Each vector is an entity row whose features are served: features of the fraud and of the recommendation model.
"""

import os
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson

from expectations.parity.record import ParityRun, kept
from infra.answers import Answers
from infra.live import all_archived, drained, recent_orders, request_bodies
from infra.load import Target
from infra.scrape import Metrics
from tests.api_process import wait_until
from tests.benchmarks.load_process import loading
from tests.benchmarks.report import Bar, Report, progress
from tests.benchmarks.rig import READ, ROOT, START_SECONDS, Rig, rig_with_history
from tests.benchmarks.workshop import run_measured

EVENTS_PER_SECOND, VECTORS_PER_SECOND, ORDERS_AT_ONCE = 1_000, 400, 10
HISTORY_DAYS, HISTORY_SCALE = 31.0, 1.0
"""As far back as the longest window."""
NEWCOMER_EVERY = 10
"""One of so many vectors is of a customer and a device that were never seen."""
PATIENCE, MARGIN_SECONDS = 2, 60.0
"""So many times as long as it should may serving take, and so much longer."""
ACCOUNTED_PERCENT, EQUAL_PERCENT, LIVE_PERCENT = 100.0, 99.5, 95.0
_ARCHIVED, _FRESHNESS = "shop_stream_archive_rows_total", "shop_stream_freshness_seconds"


@dataclass(frozen=True)
class Served:
    """What was served.

    Attributes:
        since: Before the first vector.
        until: Behind the last one.
        answers: Of the requests.
        archived: Vectors in the archive of predictions.
        events: Read by the stream worker meanwhile, per second.
        stream: What the stream worker counted meanwhile.
    """

    since: datetime
    until: datetime
    answers: Answers
    archived: int
    events: float
    stream: Metrics


def measure(report: Report, vectors: int) -> None:
    """Serve so many vectors, compare every value of them with history, and add the bars."""
    warnings.filterwarnings("ignore", module="feast")
    with (
        tempfile.TemporaryDirectory(prefix="parity") as name,
        rig_with_history(Path(name), days=HISTORY_DAYS, scale=HISTORY_SCALE) as running,
    ):
        served = _serve(running, vectors)
        seconds, gibibytes = _run_meter(running, served)
        (run,) = kept(running.platform.settings.data_dir / "reports", 1)
    _add_served(report, served, vectors)
    _add_parity(report, run, served)
    report.add(Bar("the meter, the whole command", seconds, "s", lower_is_better=True))
    report.add(Bar("the meter alone", run.seconds, "s", lower_is_better=True))
    report.add(Bar("most memory held by it", gibibytes, "GiB", lower_is_better=True))


def _serve(running: Rig, vectors: int) -> Served:
    """Events and predictions at once, until so many vectors are archived; then until everything is."""
    running.platform.start_prediction_archive()
    orders = recent_orders(running.platform.settings.data_dir)
    body = partial(batch_in_turn, request_bodies(orders))
    most = PATIENCE * vectors / VECTORS_PER_SECOND + MARGIN_SECONDS
    with running.api() as api, running.traffic(EVENTS_PER_SECOND, most + 2 * START_SECONDS) as traffic:
        _wait_for_rows(running)
        since, before = datetime.now(UTC), running.stream()
        traffic.restart()
        target = Target(f"{api.url}/predict/batch", body)
        with loading(target, VECTORS_PER_SECOND / ORDERS_AT_ONCE, most) as load:
            _wait_for(running, vectors, most)
            answers = load.end()
        events, stream = traffic.per_second(), running.stream().since(before)
        until = datetime.now(UTC)
        traffic.end()
        wait_until(
            lambda: not running.stream().total("shop_stream_consumer_lag_messages"),
            "the stream worker has read every event",
            MARGIN_SECONDS,
        )
        address = running.platform.stream.address or ""
        drained(address, running.stream().total(READ))
        logged = all_archived(api.url.removeprefix("http://"), running.platform.predictions.address or "")
    return Served(since, until, answers, int(logged.archived), events, stream)


def _wait_for_rows(running: Rig) -> None:
    """A worker that was just started pushes all rows anew: until then it is behind."""
    pending = "shop_stream_boundary_rows_pending"
    wait_until(lambda: not running.stream().total(pending), "all rows of the start are pushed", START_SECONDS)


def _wait_for(running: Rig, vectors: int, most_seconds: float) -> None:
    """Until so many vectors are archived, or a time is over: then the bar on their number tells."""
    keeper, end = running.platform.predictions.address or "", time.monotonic() + most_seconds
    with progress() as bar:
        task = bar.add_task("vectors served beside events and archived", total=vectors)
        while not bar.finished and time.monotonic() < end:
            time.sleep(1)
            bar.update(task, completed=min(vectors, int(Metrics.scrape(keeper).total(_ARCHIVED))))


def batch_in_turn(orders: Sequence[bytes], number: int) -> bytes:
    """Body of the n-th batch: orders one after the other, again and again, and newcomers among them."""
    first = number * ORDERS_AT_ONCE
    rows = [_order(orders, n) for n in range(first, first + ORDERS_AT_ONCE)]
    return b'{"orders": [' + b",".join(rows) + b"]}"


def _order(orders: Sequence[bytes], number: int) -> bytes:
    body = orders[number % len(orders)]
    if number % NEWCOMER_EVERY:
        return body
    asked = orjson.loads(body)
    asked["user_id"], asked["context"]["device_id"] = f"newcomer_{number}", f"new_device_{number}"
    return orjson.dumps(asked)


def _run_meter(running: Rig, served: Served) -> tuple[float, float]:
    """The command over all that was served, in a process of its own; its seconds and GiB."""
    platform = running.platform
    command = [sys.executable, "-m", "expectations", "parity", "--repo", str(ROOT / "feature_repo")]
    interval = ["--since", served.since.isoformat(), "--until", served.until.isoformat()]
    sample = ["--sample", str(max(1, served.archived))]
    return run_measured([*command, *interval, *sample], os.environ | platform.environment())


def _add_served(report: Report, served: Served, vectors: int) -> None:
    report.add(Bar("vectors served, in the archive", served.archived, "", least=vectors))
    report.add(
        Bar("events read by the stream meanwhile", served.events, "events/s", least=0.95 * EVENTS_PER_SECOND)
    )
    report.add(Bar("answers that were not 200", served.answers.failed, "", least=0, lower_is_better=True))
    report.note(
        f"{len(served.answers):,} batches of {ORDERS_AT_ONCE} orders in {served.answers.seconds:.0f} s, p50 "
        f"{served.answers.latency_ms(0.5):.1f}, p99 {served.answers.latency_ms(0.99):.1f} ms; from event to Redis p50 "
        f"{served.stream.quantile(_FRESHNESS, 0.5) * 1e3:.0f}, p99 {served.stream.quantile(_FRESHNESS, 0.99) * 1e3:.0f} ms"
    )


def _add_parity(report: Report, run: ParityRun, served: Served) -> None:
    services = run.services
    compared = sum(service.compared for service in services)
    possible = sum(served.archived * len(service.features) for service in services)
    unexplained = sum(service.unexplained for service in services)
    equal = sum(service.equal for service in services)
    report.add(Bar("values compared", compared, ""))
    report.add(Bar("values compared, of all served", 100 * compared / possible, "%", least=LIVE_PERCENT))
    report.add(
        Bar(
            "accounted for, with the lag of ingestion",
            100 * (compared - unexplained) / compared,
            "%",
            least=ACCOUNTED_PERCENT,
        )
    )
    report.add(Bar("equal as served", 100 * equal / compared, "%", least=EQUAL_PERCENT))
    features = [feature for service in services for feature in service.features]
    largest = max((one.largest_difference or 0.0 for one in features), default=0.0)
    report.add(Bar("largest difference of a value as served", largest, "", lower_is_better=True))
    for one in services:
        report.note(
            f"{one.service}: {one.compared:,} values of {one.records:,} vectors; equal {one.equal:,}, lagging "
            f"{one.lagging:,}, stale {one.stale:,}, different {one.different:,}; views not from the store {one.degraded:,}"
        )
