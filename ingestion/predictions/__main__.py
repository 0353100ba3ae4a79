"""The archive of predictions: `python -m ingestion.predictions`. Writes the topic of the prediction log into parquet files."""

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from threading import Event

from connections.settings import describe
from daemons.metrics_server import MetricsServer, PortTakenError
from daemons.stopping import stop_on_signal
from ingestion.archive import Archive
from ingestion.erasures.kept import Erasures
from ingestion.predictions.keeper import Keeper, Means, PredictionTopic
from ingestion.predictions.settings import PredictionSettings
from ingestion.stream.consumer import EventConsumer
from ingestion.stream.errors import StreamError
from ingestion.stream.inquiry import Inquiry
from ingestion.stream.letterbox import LetterBox
from ingestion.stream.log import say, set_up
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.status import Status
from ingestion.stream.topics import check_partitions, ensure

log = logging.getLogger("ingestion.predictions")

_FETCH_MILLISECONDS = 250
"""Nobody waits for the archive; a broker at rest would work for each of the empty answers."""


def main(argv: Sequence[str] | None = None) -> int:
    """Archive until SIGTERM or SIGINT; the exit status."""
    parser = argparse.ArgumentParser(
        "python -m ingestion.predictions",
        description=__doc__,
        epilog=f"settings, from the environment:\n{describe(PredictionSettings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    settings = PredictionSettings()
    set_up(settings.log_level.upper())
    try:
        run(settings, stop_on_signal())
    except (StreamError, PortTakenError) as error:
        say(log, logging.ERROR, str(error), error=type(error).__name__)
        return 1
    return 0


def run(settings: PredictionSettings, stop: Event) -> None:
    """Compose a keeper and let it work until `stop` is set."""
    status = Status(StreamMetrics())
    server = MetricsServer(
        settings.predictions_metrics_host,
        settings.predictions_metrics_port,
        status,
        "SHOP_PREDICTIONS_METRICS",
    )
    say(log, logging.INFO, "listening", host=settings.predictions_metrics_host, port=server.port)
    try:
        Keeper(compose(settings, status, stop), settings).run()
    finally:
        server.close()
    say(log, logging.INFO, "stopped; everything that was read is durable")


def compose(settings: PredictionSettings, status: Status, stop: Event) -> Means:
    """Everything a keeper needs, connected; topics that are absent are created."""
    kafka, timeout = settings.kafka(), settings.predictions_timeout_seconds
    wanted = {
        settings.predictions_topic: settings.topic_partitions,
        settings.dead_letter_topic: 1,
        settings.parts_topic: 1,
    }
    ensure(kafka, wanted, timeout)
    check_partitions(kafka, settings.parts_topic, 1, timeout)
    return Means(
        topic=PredictionTopic(settings.predictions_topic, Archive.at(settings.archive_url)),
        consumer=EventConsumer(
            kafka,
            settings.predictions_group,
            settings.parts_topic,
            instance=None,
            session_seconds=settings.predictions_session_seconds,
            fetch_milliseconds=_FETCH_MILLISECONDS,
        ),
        broker=Inquiry(kafka, settings.predictions_group, timeout),
        letters=LetterBox(kafka, settings.dead_letter_topic, timeout),
        tombstones=Erasures(settings.erasures_url).tombstones,
        monotonic=time.monotonic,
        status=status,
        stop=stop,
    )


if __name__ == "__main__":
    sys.exit(main())
