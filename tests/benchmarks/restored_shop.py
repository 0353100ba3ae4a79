"""The shop that the benchmark of restoring loses and brings back."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import polars as pl

from infra.scrape import Metrics
from ingestion.events.simulator.config import ShopConfig
from ingestion.events.simulator.shop import Shop
from ingestion.simulate import write_history
from tests.benchmarks import traffic
from tests.benchmarks.stage import ROOT, Stage, apply_definitions, wait_for, worker

SEED = 7
HISTORY = timedelta(days=3)
LIVE = timedelta(minutes=20)
PER_SECOND = 100
TOPICS = ("orders", "page_views", "chargebacks")


def open_shop(stage: Stage) -> None:
    """A history in the archive, events of the last minutes through Kafka and a worker, tables materialized.

    The newest event moves the windows: once all is taken in, values stand still, and can be compared.
    """
    apply_definitions(stage)
    with (stage.folder / "ours.yaml").open("a") as configuration:
        configuration.write("batch_engine: {type: ingestion.stores.engine.WindowEngine}\n")
    end = datetime.now(UTC)
    shop = Shop(ShopConfig(present=end), SEED)
    begin = end - LIVE
    write_history(shop.history(begin - HISTORY, begin), shop.tables(begin), stage.data)
    run(stage, "ingestion.batch")
    for topic in TOPICS:
        stage.kafka.create(topic)
    events = [event for event in shop.live(begin, LIVE, PER_SECOND) if event.topic in TOPICS]
    traffic.send(stage.kafka.bootstrap, events)
    with worker(stage, SHOP_STREAM_CLOCK="event", SHOP_STREAM_ARCHIVE_SECONDS="1") as running:
        running.wait_until_ready()
        wait_for(lambda: running.total("messages_consumed_total") >= len(events), "the topics to be drained")
        wait_for(lambda: _all_is_done(running.metrics()), "the archive and the rows in Redis")
    tables = [view.name for view in stage.store().list_batch_feature_views()]
    named = [argument for table in tables for argument in ("--views", table)]
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    run(
        stage,
        "feast.cli.cli",
        "-c",
        str(ROOT / "feature_repo"),
        "materialize",
        "2000-01-01T00:00:00",
        now,
        *named,
    )


def run(stage: Stage, module: str, *arguments: str) -> float:
    """Run a module to its end, with what moves the windows; its seconds."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env={**stage.environment, "SHOP_STREAM_CLOCK": "event"},
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - begin


def archived(stage: Stage) -> int:
    """Events in all archives."""
    files = (stage.data / "archive").glob("*/*/*.parquet")
    return sum(int(pl.scan_parquet(file).select(pl.len()).collect().item()) for file in files)


def _all_is_done(metrics: Metrics) -> bool:
    total = metrics.total
    is_archived = total("shop_stream_archive_rows_total") == total("shop_stream_events_valid_total")
    return is_archived and total("shop_stream_boundary_rows_pending") == 0
