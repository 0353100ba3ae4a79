"""Composes the queries and lets them work until they are to stop."""

import logging
from threading import Event
from typing import Final

from connections.kafka import Kafka
from daemons.metrics_server import MetricsServer
from ingestion.erasures.kept import Erasures
from ingestion.spark.session import open_session
from ingestion.spark.stream.kafka import with_connector
from ingestion.spark.stream.settings import SparkStreamSettings
from ingestion.spark.stream.status import SparkStatus
from ingestion.spark.stream.tuning import tuned
from ingestion.stream.feast_start import import_feast
from ingestion.stream.log import say

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 1.0


def run(settings: SparkStreamSettings, stop: Event, *, once: bool = False) -> None:
    """Compute the windows of every topic until `stop` is set, or until all is taken in.

    Raises:
        PortTakenError: metrics cannot be served.
        StreamError: Kafka or the definitions cannot be used; says why.
        SparkUnavailableError: there is no Spark.
        pyspark.errors.StreamingQueryException: the first batch of a topic failed.
    """
    kafka = settings.kafka()
    status = SparkStatus()
    host, port = settings.spark_metrics_host, settings.spark_metrics_port
    server = MetricsServer(host, port, status, "SHOP_SPARK_METRICS")
    say(log, logging.INFO, "listening", host=host, port=server.port)
    try:
        _serve(settings, kafka, status, stop, once=once)
    finally:
        server.close()
    say(log, logging.INFO, "stopped")


def _serve(
    settings: SparkStreamSettings, kafka: Kafka, status: SparkStatus, stop: Event, *, once: bool
) -> None:
    session = open_session(with_connector(tuned(settings)))
    import_feast()
    from ingestion.spark.stream.served import Served  # noqa: PLC0415  # imports Feast
    from ingestion.stream.registry import Definitions, opened  # noqa: PLC0415

    erasures = Erasures(settings.erasures_url)
    definitions = Definitions.open(settings.feature_repo, erasures.tombstones)
    served = Served(session, settings, kafka, erasures, status, once=once)
    try:
        served.serve(opened(settings.feature_repo), definitions.topics)
        if once:
            served.drain()
            return
        waited = 0.0
        while not stop.wait(_LOOK_SECONDS):
            served.look()
            waited += _LOOK_SECONDS
            if waited >= settings.spark_refresh_seconds:
                waited = 0.0
                if (topics := definitions.read_again()) is not None:
                    served.serve(opened(settings.feature_repo), topics)
    finally:
        served.close()
