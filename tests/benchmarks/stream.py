"""The stream worker end to end, Kafka to Redis and archive, against the same features with Quix Streams and stock push.

Kafka, Redis, the worker and the peer run as processes of their own on this machine. The definitions, four views over two
keys with nine aggregations each, are in tests/repos/stream_bench.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from tests.benchmarks.report import Bar, Report, parser, percentile, progress
from tests.benchmarks.stage import ROOT, RunningWorker, Stage, apply_definitions, wait_for, worker
from tests.services import running_kafka, running_redis

REPO = "tests/repos/stream_bench"
PEER_FOLDER = ROOT / ".venv-bench"
PEER = "Quix Streams, stock push by 1,000"
PLAIN_PEER = "Python loop per event, stock push, no archive"
PER_SECOND = 2_000
BACKLOG_SECONDS = 100
LIVE_SECONDS = 20
SAMPLES_PER_SECOND = 20
PEER_EVENTS = 10_000
PLAIN_EVENTS = 20_000
CHECKED_USERS = 500
START_SECONDS = 6
LIMIT_BATCH = 5_000
COUNTS = {"orders": "user_orders:user_orders_count_1d", "page_views": "user_views:user_page_views_count_1d"}


@dataclass(frozen=True)
class Scene:
    """What all parts share.

    Attributes:
        stage: Where everything runs.
        store: The feature store, with our online store.
        topics: What the registry says is read.
        shop: The world that all traffic comes from.
        backlog: What lies in the topics when the worker starts.
    """

    stage: Stage
    store: Any
    topics: list[Any]
    shop: Any
    backlog: Any

    def traffic(self, start: datetime, seconds: float) -> Any:
        """What the shop sends from `start` on."""
        from tests.benchmarks.traffic import Traffic

        contracts = {topic.name: topic.contract for topic in self.topics}
        return Traffic.drawn(self.shop, start, seconds, PER_SECOND, contracts)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    options = parser("stream", __doc__).parse_args(argv)
    if not (PEER_FOLDER / ".installed").exists():
        print(f"stream: the peer is not installed; install it with `make {PEER_FOLDER.name}/.installed`")
        return 1
    report = Report("stream")
    with tempfile.TemporaryDirectory(prefix="stream") as folder, progress() as bar:
        steps = bar.add_task("starting Kafka and Redis", total=7)

        def step(description: str) -> None:
            bar.update(steps, advance=1, description=description)

        with running_kafka(Path(folder) / "kafka") as kafka, running_redis(Path(folder) / "redis") as redis:
            step("applying the definitions")
            scene = _scene(Stage(Path(folder), kafka, redis))
            step(f"draining {len(scene.backlog.messages):,} messages")
            with worker(scene.stage, SHOP_STREAM_ARCHIVE_SECONDS="1") as running:
                rate = _drain(report, scene, running)
                step(f"{PER_SECOND:,} events/s live")
                _measure_freshness(report, scene, running)
            step("each stage alone")
            _measure_limits(report, scene)
            step("Quix Streams")
            quix = _quix_rate(report, scene)
            step("a plain loop")
            plain = _plain_rate(scene)
    report.add(Bar("drained", rate, "events/s", quix, PEER, least=10))
    report.add(Bar("drained", rate, "events/s", plain, PLAIN_PEER))
    return report.finish(options.json)


def _scene(stage: Stage) -> Scene:
    """Definitions applied, backlog sent."""
    apply_definitions(stage, REPO)

    from ingestion.stream.registry import event_topics
    from tests.benchmarks import traffic

    store = stage.store()
    scene = Scene(stage, store, event_topics(store), traffic.shop(), None)
    backlog = scene.traffic(datetime.now(UTC) - timedelta(seconds=BACKLOG_SECONDS), BACKLOG_SECONDS)
    for topic in traffic.TOPICS:
        stage.kafka.create(topic)
    traffic.send(stage.kafka.bootstrap, backlog.messages)
    return replace(scene, backlog=backlog)


def _drain(report: Report, scene: Scene, running: RunningWorker) -> float:
    """Events per second from ready to the last event readable in Redis and durable in the archive."""
    valid = scene.backlog.valid()
    once = {topic.name: valid[topic.name].unique(topic.contract.event_id) for topic in scene.topics}
    running.wait_until_ready()
    begin = time.perf_counter()
    wait_for(lambda: running.total("latency_seconds_count") >= _height(once), "all rows in Redis", poll=0.05)
    wait_for(lambda: running.total("archive_rows_total") >= _height(valid), "the archive", poll=0.05)
    seconds, spent = time.perf_counter() - begin, running.metrics()
    messages = len(scene.backlog.messages)
    report.add(Bar("drained, sustained", messages / seconds, "events/s", least=10_000))
    report.note(
        f"{messages:,} messages in {seconds:.1f} s, {_height(valid):,} of them valid, "
        f"{spent.total('shop_stream_rows_pushed_total'):,.0f} rows pushed; archived and committed every second"
    )
    stages = spent.by("shop_stream_stage_seconds_sum", "stage").items()
    longest_first = sorted(stages, key=lambda item: -item[1])
    report.note("seconds by stage: " + ", ".join(f"{name} {value:.1f}" for name, value in longest_first))
    report.add(_equality("counts in Redis equal to a group_by", scene.store, once))
    return messages / seconds


def _measure_freshness(report: Report, scene: Scene, running: RunningWorker) -> None:
    """At the live rate: from the worker's own histogram, and as a process beside it sees Redis."""
    from tests.benchmarks import traffic
    from tests.benchmarks.probe import probing

    live = scene.traffic(datetime.now(UTC) + timedelta(seconds=START_SECONDS), LIVE_SECONDS)
    before = running.metrics()
    with probing(
        scene.stage.redis.address, list(live.samples(SAMPLES_PER_SECOND, scene.store.project))
    ) as seen:
        traffic.send(scene.stage.kafka.bootstrap, live.messages, paced=True)
        outside = seen.result()
    spent = running.metrics().since(before)
    for share, most in ((0.5, 100), (0.99, 400)):
        name = f"freshness p{share * 100:.0f} at {PER_SECOND:,}/s"
        inside = 1000 * spent.quantile("shop_stream_freshness_seconds", share)
        report.add(Bar(name, inside, "ms", least=most, lower_is_better=True))
        seen_ms = 1000 * percentile(outside, share)
        report.add(Bar(f"{name}, seen from outside", seen_ms, "ms", least=most, lower_is_better=True))
    report.note(
        f"freshness: event time to acknowledged by Redis, the worker's histogram (buckets of 25 %) over {LIVE_SECONDS} s; "
        f"from outside: until a process that polls Redis every 4 ms reads the row, {len(outside)} events"
    )


def _measure_limits(report: Report, scene: Scene) -> None:
    """Each stage alone, with the worker stopped."""
    from tests.benchmarks.limits import measured

    _empty(scene.stage)
    bootstrap, messages = scene.stage.kafka.bootstrap, len(scene.backlog.messages)
    limits = measured(scene.store, scene.topics, bootstrap, messages, LIMIT_BATCH)
    for name in ("consuming", "decoding", "windows", "writing"):
        report.add(Bar(f"{name} alone", getattr(limits, name), "events/s"))
    report.note(
        f"alone, in batches of {LIMIT_BATCH:,}: a bare consumer of confluent-kafka; the contract; four executors; push_rows "
        f"of their rows, {limits.rows_per_second:,.0f} rows/s"
    )


def _quix_rate(report: Report, scene: Scene) -> float:
    """Events per second of the peer, handed valid messages only."""
    from tests.benchmarks import traffic

    stage = scene.stage
    _empty(stage)
    stage.configuration("peer", "redis", "dask")
    sent = scene.backlog.only_valid(PEER_EVENTS)
    for topic in traffic.TOPICS:
        stage.kafka.create(f"peer_{topic}")
    traffic.send(stage.kafka.bootstrap, sent.messages, prefix="peer_")
    figures = _run_quix(stage)
    if figures["events"] != PEER_EVENTS:
        raise RuntimeError(f"the peer was sent {PEER_EVENTS} events and read {figures['events']}")
    report.add(_equality("the peer's counts equal to a group_by", stage.store("peer"), sent.valid()))
    report.note(
        f"the peer: {PEER_EVENTS:,} events in {figures['seconds']:.1f} s, {figures['rows']:,} rows pushed"
    )
    return PEER_EVENTS / float(figures["seconds"])


def _run_quix(stage: Stage) -> dict[str, Any]:
    script = Path(__file__).with_name("quix_peer.py")
    own = stage.folder / "peer"
    own.mkdir()
    command = [PEER_FOLDER / "bin/python", script, stage.kafka.bootstrap, stage.folder, own, "peer_"]
    done = subprocess.run(
        list(map(str, command)),
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
        cwd=own,
    )
    if done.returncode:
        raise RuntimeError(f"the peer failed:\n{done.stdout}{done.stderr}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _plain_rate(scene: Scene) -> float:
    """Events per second of a loop that is handed valid messages, so that it needs neither Kafka nor a check."""
    from tests.benchmarks import plain_loop

    store, specs = scene.stage.store("peer"), {topic.name: topic.specs for topic in scene.topics}
    messages = [(event.topic, event.payload) for event in scene.backlog.only_valid(PLAIN_EVENTS).messages]
    begin = time.perf_counter()
    plain_loop.run(store, specs, messages)
    return PLAIN_EVENTS / (time.perf_counter() - begin)


def _equality(name: str, store: Any, events: dict[str, pl.DataFrame]) -> Bar:
    """How many of the users' counts over a day that the store serves are those of a group_by."""
    equal = compared = 0
    for topic, feature in COUNTS.items():
        expected = events[topic].group_by("user_id").len("n").sort("user_id").head(CHECKED_USERS)
        rows = expected.select("user_id").to_dicts()
        served = store.get_online_features([feature], rows).to_dict()[feature.partition(":")[2]]
        equal += sum(a == b for a, b in zip(served, expected["n"], strict=True))
        compared += len(rows)
    return Bar(name, 100 * equal / compared, "%", least=100)


def _height(frames: dict[str, pl.DataFrame]) -> int:
    return sum(frame.height for frame in frames.values())


def _empty(stage: Stage) -> None:
    with stage.redis.client() as client:
        client.flushall()


if __name__ == "__main__":
    sys.exit(main())
