"""The stream worker: `python -m ingestion.stream`. Reads events from Kafka, keeps features in Redis and the archive current."""

import argparse
import logging
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from connections.settings import describe
from daemons.metrics_server import MetricsServer, PortTakenError
from daemons.stopping import stop_on_signal
from ingestion.erasures.kept import Erasures
from ingestion.stream.clock import Clock, EventClock, WallClock
from ingestion.stream.consumer import EventConsumer
from ingestion.stream.errors import StreamError
from ingestion.stream.feast_start import import_feast
from ingestion.stream.inquiry import Inquiry
from ingestion.stream.letterbox import LetterBox
from ingestion.stream.log import say, set_up
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.settings import StreamSettings
from ingestion.stream.snapshots import SnapshotStore
from ingestion.stream.status import Status
from ingestion.stream.topics import check_partitions, ensure
from ingestion.stream.units import PARTS
from ingestion.stream.worker import Parts, Worker, wall_us

log = logging.getLogger("ingestion.stream")

_FETCH_MILLISECONDS = 15
"""Somebody waits for each event: a part of how old features are."""


def main(argv: Sequence[str] | None = None) -> int:
    """Work until SIGTERM or SIGINT; the exit status."""
    parser = argparse.ArgumentParser(
        "python -m ingestion.stream",
        description=__doc__,
        epilog=f"settings, from the environment:\n{describe(StreamSettings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    settings = StreamSettings()
    set_up(settings.log_level.upper())
    try:
        run(settings, stop_on_signal())
    except (StreamError, PortTakenError) as error:
        say(log, logging.ERROR, str(error), error=type(error).__name__)
        return 1
    return 0


def run(settings: StreamSettings, stop: Event) -> None:
    """Compose a worker and let it work until `stop` is set."""
    status = Status(StreamMetrics())
    server = MetricsServer(
        settings.stream_metrics_host, settings.stream_metrics_port, status, "SHOP_STREAM_METRICS"
    )
    say(log, logging.INFO, "listening", host=settings.stream_metrics_host, port=server.port)
    try:
        Worker(compose(settings, status, stop), settings).run()
    finally:
        server.close()
    say(log, logging.INFO, "stopped; everything that was read is durable")


def compose(settings: StreamSettings, status: Status, stop: Event) -> Parts:
    """Everything a worker needs, connected; Kafka is asked first, as Feast takes seconds to import."""
    kafka = settings.kafka()
    own_topics = {settings.dead_letter_topic: 1, settings.parts_topic: PARTS}
    if settings.parts_topic not in ensure(kafka, own_topics, settings.stream_start_timeout_seconds):
        check_partitions(kafka, settings.parts_topic, PARTS, settings.stream_start_timeout_seconds)

    # Behind our metrics: see `metrics`.
    import_feast()
    from ingestion.stream.registry import Definitions  # noqa: PLC0415

    erasures = Erasures(settings.erasures_url)
    definitions = Definitions.open(
        settings.feature_repo, erasures.tombstones, windows=settings.stream_windows
    )
    topics = definitions.topics
    partitions = {topic.name: settings.topic_partitions for topic in topics}
    ensure(kafka, partitions, settings.stream_start_timeout_seconds)
    say(log, logging.INFO, "registered", topics=",".join(partitions), views=sum(len(t.specs) for t in topics))
    return Parts(
        topics=topics,
        read_again=definitions.read_again,
        consumer=EventConsumer(
            kafka,
            settings.stream_group,
            settings.parts_topic,
            instance=settings.stream_instance,
            session_seconds=settings.stream_session_seconds,
            fetch_milliseconds=_FETCH_MILLISECONDS,
        ),
        broker=Inquiry(kafka, settings.stream_group, settings.stream_request_timeout_seconds),
        letters=LetterBox(kafka, settings.dead_letter_topic, settings.stream_request_timeout_seconds),
        sink=definitions.sink,
        snapshots=SnapshotStore(settings.snapshot_url, settings.snapshot_outbox),
        erasures=erasures,
        threads=ThreadPoolExecutor(2, thread_name_prefix="beside"),
        new_clock=clock_of(settings),
        wall_us=wall_us,
        monotonic=time.monotonic,
        status=status,
        stop=stop,
    )


def clock_of(settings: StreamSettings) -> Callable[[], Clock]:
    """Makes the clock that the settings name."""
    return EventClock if settings.stream_clock == "event" else lambda: WallClock(wall_us)


if __name__ == "__main__":
    sys.exit(main())
