"""All of UCI Online Retail through the platform: file, Kafka, contract, archive, windows, Redis, and history again.

The real data is looked for in SHOP_TEST_DATA_DIR (by default ../shared/data); without it nothing is measured.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import polars as pl

from connections.kafka import Kafka
from infra.scrape import Metrics
from infra.services.topics import create_topics
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.benchmarks.stage import ROOT, RunningWorker, Stage, apply_definitions, wait_for, worker
from tests.services import running_kafka, running_redis

DATA = Path(os.environ.get("SHOP_TEST_DATA_DIR", "../shared/data")) / "online_retail.parquet"
FOR_GOOD = timedelta(days=36_500)
CUSTOMERS = 500
TOPICS = ("orders", "page_views", "chargebacks")
VIEWS = ("user_orders", "product_orders", "device_orders")
PEER_EVENTS = 5_000


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    options = parser("retail", __doc__).parse_args(argv)
    if not DATA.exists():
        print(f"retail: no real data at {DATA}; set SHOP_TEST_DATA_DIR")
        return 0
    report, lines = Report("retail"), pl.read_parquet(DATA)
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        steps = bar.add_task("starting Kafka and Redis", total=5)
        with running_kafka(Path(folder) / "kafka") as kafka, running_redis(Path(folder) / "redis") as redis:
            stage = Stage(Path(folder), kafka, redis)
            bar.update(steps, advance=1, description="applying the definitions")
            apply_definitions(stage)
            # The events are years old: a broker with the usual retention would delete them while they come in.
            create_topics(Kafka(kafka.bootstrap), dict.fromkeys(TOPICS, 4), retention=FOR_GOOD)
            bar.update(steps, advance=1, description=f"replaying {lines.height:,} invoice lines")
            report.add(Bar("replayed into Kafka", lines.height / _replay(stage), "messages/s"))
            bar.update(steps, advance=1, description="through the worker")
            with worker(stage, SHOP_STREAM_CLOCK="event") as running:
                rate, metrics = _drain(running, lines.height)
            bar.update(steps, advance=1, description="online against history, and the peer")
            _account(report, metrics, lines)
            equal, compared = _parity(report, stage)
            report.add(Bar("online values equal to history", 100 * equal / compared, "%", least=100))
            report.note(
                f"{equal:,} of {compared:,} values of {CUSTOMERS} customers, their products and countries"
            )
            report.add(
                Bar("end to end", rate, "events/s", _peer(stage), "Python loop, stock push", least=2.0)
            )
            bar.update(steps, advance=1)
    return report.finish(options.json)


def _replay(stage: Stage) -> float:
    command = [sys.executable, "-m", "ingestion.replay", str(DATA), "--mapping", "online_retail"]
    begin = time.perf_counter()
    done = subprocess.run(
        command, env=stage.environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode:
        raise RuntimeError(f"the replay failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - begin


def _drain(running: RunningWorker, messages: int) -> tuple[float, Metrics]:
    """Events per second from ready to the last row in Redis and the last event in the archive."""
    running.wait_until_ready()
    begin = time.perf_counter()
    wait_for(lambda: running.total("messages_consumed_total") >= messages, "the topic to be drained", 300)
    wait_for(lambda: _all_is_done(running.metrics()), "the archive and the boundaries", 300)
    return messages / (time.perf_counter() - begin), running.metrics()


def _all_is_done(metrics: Metrics) -> bool:
    total = metrics.total
    archived = total("shop_stream_archive_rows_total") == total("shop_stream_events_valid_total")
    return archived and total("shop_stream_boundary_rows_pending") == 0


def _account(report: Report, metrics: Metrics, lines: pl.DataFrame) -> None:
    """Every line is an event or a dead letter, as the file itself says."""
    # The contract of orders: a customer, 1 to 10,000 pieces, an amount above zero.
    customer, positive = pl.col("CustomerID").is_not_null(), pl.col("Quantity").is_between(1, 10_000)
    paid = (pl.col("Quantity") * pl.col("UnitPrice")).round(3) > 0
    expected = lines.filter(customer & positive & paid).height
    valid, dead = (metrics.total(f"shop_stream_{name}_total") for name in ("events_valid", "dead_letters"))
    report.add(Bar("valid, of those that the file has", 100 * valid / expected, "%", least=100))
    accounted = 100 * (valid + dead) / lines.height
    report.add(Bar("valid or dead-lettered, of all lines", accounted, "%", least=100))
    report.note(f"{valid:,.0f} valid, {dead:,.0f} dead letters")


def _parity(report: Report, stage: Stage) -> tuple[int, int]:
    """Values of the last customers that are the same online and in history at the event clock's instant."""
    from infra.parity import values_equal

    store = stage.store()
    orders = pl.read_parquet(stage.folder / "data/archive/orders/*/*.parquet").sort("event_timestamp")
    # The event clock stands at the newest event; history does not see that event yet at this instant.
    instant = orders["event_timestamp"].max()
    settled = orders.filter(pl.col("event_timestamp") < instant)
    after = orders.filter(pl.col("event_timestamp") >= instant)
    keys = ("user_id", "product_id", "device_id")
    for key in keys:
        settled = settled.filter(
            ~pl.col(key).is_in(after[key].unique().to_list()) | (pl.lit(key) == "device_id")
        )
    rows = settled.unique("user_id", keep="last", maintain_order=True).tail(CUSTOMERS).select(keys)
    names = [f.name for v in VIEWS if v != "device_orders" for f in store.get_stream_feature_view(v).features]
    names = [name for name in names if name not in keys]
    features = [f"{v}:{n}" for v in VIEWS for n in names if n in _fields(store, v)]
    online = store.get_online_features(features, rows.to_dicts()).to_df()
    asked = rows.with_columns(event_timestamp=pl.lit(instant)).to_pandas()
    history = store.get_historical_features(asked, features).to_df()
    pairs = [
        (name, row, served, known)
        for name in names
        for row, served, known in zip(rows.to_dicts(), online[name], history[name], strict=True)
    ]
    different = [pair for pair in pairs if not values_equal(pair[2], pair[3])]
    for pair in different[:3]:
        report.note(f"differs: {pair}")
    return len(pairs) - len(different), len(pairs)


def _fields(store: object, view: str) -> set[str]:
    return {field.name for field in store.get_stream_feature_view(view).features}  # type: ignore[attr-defined]


def _peer(stage: Stage) -> float:
    """Events per second of a loop that keeps its windows in dicts and pushes as Feast documents it."""
    from ingestion.stream.registry import event_topics
    from tests.benchmarks import plain_loop

    stage.configuration("peer", "redis")
    store = stage.store("peer")
    topics = {topic.name: topic for topic in event_topics(store)}
    orders = pl.read_parquet(stage.folder / "data/archive/orders/*/*.parquet").sort("event_timestamp")
    columns = list(topics["orders"].contract.polars_schema())
    frame = orders.head(PEER_EVENTS).select(columns)
    messages = [
        ("orders", payload) for payload in topics["orders"].contract.encode(frame.drop("arrival_timestamp"))
    ]
    begin = time.perf_counter()
    plain_loop.run(store, {name: topic.specs for name, topic in topics.items()}, messages)
    return PEER_EVENTS / (time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
