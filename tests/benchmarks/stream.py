"""End-to-end rate and freshness of the stream worker, against a plain Python loop with stock `FeatureStore.push`.

Kafka, Redis and the worker run as processes of their own on this machine, with the shop's own definitions.
"""

import sys
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from confluent_kafka import Producer

from ingestion.events.simulator.config import ShopConfig
from ingestion.events.simulator.live import LiveEvents
from ingestion.events.simulator.shop import Shop
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.benchmarks.stage import TOPICS, Metrics, Stage, apply_definitions, wait_for, worker
from tests.services import running_kafka, running_redis

PRELOADED = 100_000
LIVE_PER_SECOND = 1_000
LIVE_SECONDS = 15
PEER_EVENTS = 5_000


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures; non-zero when one falls short."""
    options = parser("stream", __doc__).parse_args(argv)
    report = Report("stream")
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        steps = bar.add_task("starting Kafka and Redis", total=6)
        with running_kafka(Path(folder) / "kafka") as kafka, running_redis(Path(folder) / "redis") as redis:
            stage = Stage(Path(folder), kafka, redis)
            bar.update(steps, advance=1, description="applying the definitions")
            apply_definitions(stage)
            for topic in TOPICS:
                kafka.create(topic)
            bar.update(steps, advance=1, description=f"sending {PRELOADED:,} messages")
            shop = Shop(ShopConfig(present=datetime.now(UTC)))
            preloaded = _preload(stage, shop)
            bar.update(steps, advance=1, description="draining them")
            with worker(stage) as port:
                rate = _drain(report, preloaded, port)
                bar.update(steps, advance=1, description=f"{LIVE_PER_SECOND:,} events/s live")
                _measure_freshness(report, stage, shop, port)
            bar.update(steps, advance=1, description="the peer")
            peer = _peer_rate(stage, preloaded)
            bar.update(steps, advance=1)
    report.add(
        Bar(
            "drained with 8 views",
            rate,
            "events/s",
            peer,
            "Python loop per event, stock push, no archive",
            least=2.0,
        )
    )
    return report.finish(options.json)


def _preload(stage: Stage, shop: Shop) -> LiveEvents:
    duration = timedelta(seconds=PRELOADED / LIVE_PER_SECOND)
    events = shop.live(datetime.now(UTC) - duration, duration, LIVE_PER_SECOND)
    _send(stage, events, paced=False)
    return events


def _send(stage: Stage, events: LiveEvents, *, paced: bool) -> None:
    producer = Producer(
        {
            "bootstrap.servers": stage.kafka.bootstrap,
            "linger.ms": 2,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for event in events:
        ahead = event.arrival_us / 1e6 - time.time()
        if paced and ahead > 0.002:
            producer.poll(0)
            time.sleep(ahead)
        producer.produce(event.topic, event.payload, event.key)
    if left := producer.flush(60):
        raise RuntimeError(f"the broker did not take {left} messages")


def _drain(report: Report, sent: LiveEvents, port: int) -> float:
    """Events per second from the first message read to the last one readable in Redis."""
    wait_for(lambda: Metrics(port).total("ready"), "the worker to be ready", poll=0.01)
    begin = time.perf_counter()
    countable = sent.counts.valid - sent.counts.duplicate
    wait_for(lambda: Metrics(port).total("latency_seconds_count") >= countable, "the topics to be drained")
    seconds = time.perf_counter() - begin
    metrics = Metrics(port)
    report.add(Bar("drained, sustained", len(sent) / seconds, "events/s", least=1_000))
    spent = sorted(metrics.stages().items(), key=lambda item: -item[1])
    report.note(
        f"{len(sent):,} messages in {seconds:.1f} s, {metrics.total('rows_pushed_total'):,.0f} rows pushed"
    )
    report.note("seconds by stage: " + ", ".join(f"{name} {value:.1f}" for name, value in spent))
    report.note(
        f"sent: {sum(sent.counts.malformed.values())} malformed, {sent.counts.duplicate} repeated, {sent.counts.late} late"
    )
    return len(sent) / seconds


def _measure_freshness(report: Report, stage: Stage, shop: Shop, port: int) -> None:
    before = Metrics(port).buckets("freshness_seconds")
    start = datetime.now(UTC) + timedelta(seconds=2)
    live = shop.live(start, timedelta(seconds=LIVE_SECONDS), LIVE_PER_SECOND)
    _send(stage, live, paced=True)
    countable = live.counts.valid - live.counts.duplicate - live.counts.late
    wait_for(
        lambda: Metrics(port).buckets("freshness_seconds")[float("inf")] - before[float("inf")] >= countable,
        "live",
    )
    after = Metrics(port).buckets("freshness_seconds")
    counts = {bound: after[bound] - before[bound] for bound in after}
    p50, p99 = (_quantile(counts, share) * 1000 for share in (0.5, 0.99))
    report.add(Bar(f"freshness p50 at {LIVE_PER_SECOND:,}/s", p50, "ms", lower_is_better=True))
    report.add(Bar(f"freshness p99 at {LIVE_PER_SECOND:,}/s", p99, "ms", least=1_000, lower_is_better=True))
    report.note(
        "freshness: event time to acknowledged by Redis, from the worker's histogram (buckets of 25 %)"
    )


def _quantile(cumulative: Mapping[float, float], share: float) -> float:
    """Seconds, interpolated within the bucket."""
    wanted, below, low = share * cumulative[float("inf")], 0.0, 0.0
    for bound, count in sorted(cumulative.items()):
        if count >= wanted:
            return (
                low
                if bound == float("inf")
                else low + (bound - low) * (wanted - below) / max(count - below, 1)
            )
        below, low = count, bound
    return low


def _peer_rate(stage: Stage, sent: LiveEvents) -> float:
    """Events per second; the peer is handed valid messages, so that it needs neither Kafka nor a check."""
    from feast import FeatureStore

    from ingestion.stream.registry import event_topics
    from tests.benchmarks import plain_loop

    warnings.simplefilter("ignore")
    store = FeatureStore(repo_path=str(stage.folder), fs_yaml_file=stage.configuration("peer", "redis"))
    topics = {topic.name: topic for topic in event_topics(store)}
    valid = (
        (event.topic, event.payload)
        for event in sent
        if topics[event.topic].contract.decode([event.payload], [event.arrival_us]).positions
    )
    messages = list(islice(valid, PEER_EVENTS))
    begin = time.perf_counter()
    plain_loop.run(store, {name: topic.specs for name, topic in topics.items()}, messages)
    return PEER_EVENTS / (time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
