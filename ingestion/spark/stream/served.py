"""The queries of all topics: started, watched, started anew when definitions change or a batch fails. Imports Feast."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from feast import FeatureStore, KafkaSource

from connections.kafka import Kafka
from ingestion.compile import windowed_views
from ingestion.erasures.kept import Erasures
from ingestion.spark.stream.kafka import options
from ingestion.spark.stream.pushing import push
from ingestion.spark.stream.query import STATE_STORE, Plan, checkpoint_of
from ingestion.spark.stream.settings import SparkStreamSettings
from ingestion.spark.stream.start import Starts
from ingestion.spark.stream.status import SparkStatus
from ingestion.spark.writing import told_to_tasks
from ingestion.stores.sources import Source
from ingestion.stream.acknowledging import name_of
from ingestion.stream.catalogue import EventTopic, knows_of_erasures
from ingestion.stream.errors import KafkaUnreachableError
from ingestion.stream.inquiry import Inquiry
from ingestion.stream.log import say
from ingestion.stream.units import Unit

log = logging.getLogger(__name__)

_LONGEST_PAUSE: Final = 30.0
_TICKS_SECONDS: Final = 3.0
"""In so much time each share has a tick: one is due every second."""


@dataclass
class Running:
    """The query of a topic.

    Attributes:
        topic: The topic, as it was defined when the query was started.
        checkpoint: Where its offsets and state are kept; another one where the topic is defined otherwise.
        query: Spark's; None while it waits to be started again.
        failures: How often it has failed since a batch was done.
        again_at: When it is started again, seconds of the monotonic clock.
        batches: How many batches it has done.
        done_at: When the first of them was done, seconds of the monotonic clock.
        is_acknowledged: Whether it was told that its windows are without those who were erased.
    """

    topic: EventTopic
    checkpoint: str
    query: Any = None
    failures: int = 0
    again_at: float = 0.0
    batches: int = 0
    done_at: float = 0.0
    is_acknowledged: bool = False


class Served:
    """Everything that is computed.

    Args:
        session: The Spark session.
        settings: The settings.
        kafka: The brokers.
        erasures: Where it is told which windows are without those who were erased.
        status: Told how each topic is.
        once: Take in what is in Kafka now instead of going on for good.
    """

    def __init__(
        self,
        session: Any,
        settings: SparkStreamSettings,
        kafka: Kafka,
        erasures: Erasures,
        status: SparkStatus,
        *,
        once: bool,
    ) -> None:
        self._session = session
        self._settings = settings
        self._kafka = kafka
        self._erasures = erasures
        self._status = status
        pause = f"{settings.spark_trigger_milliseconds} milliseconds"
        self._trigger: Mapping[str, Any] = {"availableNow": True} if once else {"processingTime": pause}
        self._inquiry = Inquiry(kafka, settings.stream_group, settings.spark_start_timeout_seconds)
        self._starts = Starts(session, settings.spark_shares, settings.spark_partition_mb * 2**20)
        self._running: dict[str, Running] = {}
        self._store: FeatureStore | None = None
        session.conf.set("spark.sql.streaming.stateStore.providerClass", STATE_STORE)

    def serve(self, store: FeatureStore, topics: list[EventTopic]) -> None:
        """Compute these topics as they are defined now; those that have not changed go on."""
        self._store = store
        wanted = {self._checkpoint(topic): topic for topic in topics if topic.specs}
        for name in [name for name, running in self._running.items() if running.checkpoint not in wanted]:
            self._end(self._running.pop(name))
            self._status.forget(name)
        new = [
            Running(topic, checkpoint)
            for checkpoint, topic in wanted.items()
            if topic.name not in self._running
        ]
        for running in new:  # of all before the first, whose start may take minutes
            self._status.say(running.topic.name, "starts")
        for running in new:
            self._running[running.topic.name] = running
            self._start(running)

    def drain(self) -> None:
        """Return when everything is taken in that was in Kafka at the start; for whoever goes through once.

        Raises:
            StreamingQueryException: a batch failed.
        """
        for running in self._running.values():
            running.query.awaitTermination()

    def look(self) -> None:
        """See to queries that have failed.

        Raises:
            StreamingQueryException: one failed that has never done a batch.
        """
        for running in self._running.values():
            if running.query is not None and (error := running.query.exception()) is not None:
                self._failed(running, error)
            if running.query is None and time.monotonic() >= running.again_at:
                try:
                    self._start(running)
                except KafkaUnreachableError as error:
                    self._failed(running, error)

    def close(self) -> None:
        """End all queries; a batch that is under way is done again by the next start."""
        for running in self._running.values():
            self._end(running)
        self._inquiry.close()

    @property
    def _by_events(self) -> bool:
        return self._settings.stream_clock == "event"

    def _checkpoint(self, topic: EventTopic) -> str:
        folder, shares = self._settings.checkpoints_url, self._settings.spark_shares
        return checkpoint_of(folder, topic, shares, by_events=self._by_events)

    def _start(self, running: Running) -> None:
        settings, topic, checkpoint = self._settings, running.topic, running.checkpoint
        start = self._starts.of(topic, self._source(topic), f"{checkpoint}/start")
        partitions = len(self._inquiry.committed([topic.name]))
        source = options(
            self._kafka, topic.name, partitions, start.positions, settings.spark_batch_max_messages
        )
        plan = Plan(topic, settings.spark_shares, self._by_events, source, checkpoint)
        config = self._opened.config
        views = {view.name: told_to_tasks(config, view) for view in self._views(topic)}

        def take(rows: Any, number: int) -> None:
            begun = time.monotonic()
            pushed = push(rows, views)
            self._acknowledge(running, begun)
            now = time.monotonic()
            running.batches, running.failures, running.done_at = (
                running.batches + 1,
                0,
                running.done_at or now,
            )
            seconds = now - begun
            self._status.rows.labels(topic.name).inc(pushed)
            self._status.batches.labels(topic.name).observe(seconds)
            say(log, logging.DEBUG, "pushed", topic=topic.name, batch=number, rows=pushed, seconds=seconds)

        running.query = plan.run(self._session, start, take, self._trigger)
        self._status.say(topic.name, "streams")
        say(log, logging.INFO, "streams", topic=topic.name, views=len(topic.specs), checkpoint=checkpoint)

    def _failed(self, running: Running, error: Exception) -> None:
        if running.batches == 0:
            raise error
        pause = min(_LONGEST_PAUSE, 2.0**running.failures)
        running.query, running.again_at = None, time.monotonic() + pause
        running.failures += 1
        self._status.failures.labels(running.topic.name).inc()
        self._status.say(running.topic.name, f"failed: {str(error)[:200]}")
        say(
            log,
            logging.ERROR,
            "a batch failed: from its checkpoint once more",
            topic=running.topic.name,
            pause=pause,
            reason=str(error)[:2000],
        )

    @staticmethod
    def _end(running: Running) -> None:
        if running.query is not None:
            running.query.stop()

    def _acknowledge(self, running: Running, begun: float) -> None:
        """Tell that every row has been pushed without those who were erased.

        The state of the archive comes with the first batch, its rows with the next tick of each share: all shares have one in a
        batch that begins seconds behind the first. Without ticks, by the clock of events, nobody can tell.
        """
        if running.is_acknowledged or self._by_events or not running.batches:
            return
        if begun < running.done_at + _TICKS_SECONDS:
            return
        shares = self._settings.spark_shares
        for spec in running.topic.specs:
            definition = running.topic.definition_of(spec)
            if knows_of_erasures(definition):
                for share in range(shares):
                    unit = Unit(spec.name, share, shares, definition)
                    self._erasures.acknowledge(name_of(self._settings.stream_group, unit))
        running.is_acknowledged = True

    @property
    def _opened(self) -> FeatureStore:
        assert self._store is not None  # noqa: S101  # `serve` comes first
        return self._store

    def _views(self, topic: EventTopic) -> list[Any]:
        names = {spec.name for spec in topic.specs}
        return [view for view in windowed_views(self._opened) if view.name in names]

    def _source(self, topic: EventTopic) -> Source:
        sources = [s for s in self._opened.list_data_sources() if isinstance(s, KafkaSource)]
        declared = next(s for s in sources if s.kafka_options.topic == topic.name)
        return Source(self._opened.config, declared.batch_source)
