"""The poll loop. Thin edge: what makes a batch durable, in which order, is `ingestion.stream.lead`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Final

from ingestion.archive import Archive
from ingestion.claims import OvertakenError
from ingestion.erasures.tombstones import Tombstones
from ingestion.predictions.decoding import decode
from ingestion.predictions.settings import PredictionSettings
from ingestion.stream.archive_index import ArchiveIndex
from ingestion.stream.buffer import Buffer
from ingestion.stream.consumer import EventConsumer, Parts
from ingestion.stream.errors import KafkaUnreachableError
from ingestion.stream.lead import Lead, Letters
from ingestion.stream.log import say
from ingestion.stream.messages import by_topic
from ingestion.stream.place import Broker, place_of
from ingestion.stream.status import Phase, Status

log = logging.getLogger(__name__)

_MOST: Final = 2_000
"""Messages taken at once."""
_WAIT_SECONDS, _LINGER_SECONDS = 0.5, 0.2
"""Nobody waits for the archive: few wake-ups leave the cores to the API."""
_AGAIN_SECONDS: Final = 2.0


@dataclass(frozen=True)
class PredictionTopic:
    """The topic and its archive."""

    name: str
    archive: Archive


@dataclass(frozen=True)
class Means:
    """What a keeper works with.

    Attributes:
        topic: What is kept, and where.
        consumer: Its place in the group.
        broker: Asks Kafka about offsets.
        letters: The dead-letter topic.
        tombstones: Reads who was erased up to when.
        monotonic: Seconds of a clock that never goes back.
        status: What it is doing; holds the metrics.
        stop: Set to end it.
    """

    topic: PredictionTopic
    consumer: EventConsumer
    broker: Broker
    letters: Letters
    tombstones: Callable[[], Tombstones]
    monotonic: Callable[[], float]
    status: Status
    stop: Event


class Keeper:
    """Archives while it leads its group; `run` returns when it was stopped and all it had read is durable."""

    def __init__(self, means: Means, settings: PredictionSettings) -> None:
        self._means = means
        self._settings = settings
        self._index = ArchiveIndex(means.topic.archive, means.topic.name)
        self._buffer = Buffer(
            settings.predictions_archive_max_rows, settings.predictions_archive_seconds, means.monotonic
        )
        self._lead: Lead | None = None
        self._served = means.monotonic()

    def run(self) -> None:
        """Join the group and work until stopped.

        Raises:
            StreamError: what cannot be waited out; nothing is committed that is not durable.
        """
        consumer = self._means.consumer
        consumer.join(on_release=self._release, on_loss=self._lose)
        try:
            while not self._means.stop.is_set():
                self._turn()
            self._means.status.enter(Phase.STOPPING)
            self._make_durable()
        finally:
            consumer.close()
            self._means.broker.close()

    def _turn(self) -> None:
        consumer = self._means.consumer
        if not consumer.term:
            self._means.status.enter(Phase.STANDBY)
            consumer.leave([self._means.topic.name])
            consumer.wait(_WAIT_SECONDS)
            self._served = self._means.monotonic()
        elif self._lead is None or self._lead.term != consumer.term:
            self._take_the_lead(consumer.term)
        else:
            self._work(self._lead)

    def _take_the_lead(self, term: int) -> None:
        """Find out where to go on; a broker that is away is waited for."""
        means, topic = self._means, self._means.topic
        means.status.enter(Phase.RECOVERING)
        try:
            # Before the archive is looked at: if another writer adds to it in between, our first batch is refused.
            number = topic.archive.next_number()
            place = place_of(topic, means.broker, self._index)
        except KafkaUnreachableError as error:
            say(log, logging.WARNING, "waiting for Kafka", reason=str(error))
            means.consumer.wait(_AGAIN_SECONDS)
            return
        starts = {(topic.name, partition): start.offset for partition, start in place.starts.items()}
        for partition, start in sorted(place.starts.items()):
            fields = {"partition": partition, "offset": start.offset, "lost": start.lost}
            say(log, logging.INFO, "continued", **fields, why=start.reason.value)
        self._buffer.clear()
        self._lead = Lead(
            term,
            starts,
            {topic.name: place.archived},
            {topic.name: number},
            topics={topic.name: topic},
            buffer=self._buffer,
            letters=means.letters,
            metrics=means.status.metrics,
            tombstones=means.tombstones,
        )
        means.consumer.begin(starts)
        self._served = means.monotonic()
        means.status.enter(Phase.READY)
        say(log, logging.INFO, "ready", archive=topic.archive.folder.url)

    def _work(self, lead: Lead) -> None:
        means, metrics = self._means, self._means.status.metrics
        with metrics.stage("poll"):
            messages = means.consumer.read(_MOST, _WAIT_SECONDS, _LINGER_SECONDS)
        if self._was_silent and not means.consumer.is_member():
            return
        self._served = means.monotonic()
        for batch in by_topic(messages) if messages else ():
            means.consumer.passed(batch.next_offsets())
            metrics.batch.observe(len(batch))
            metrics.consumed.labels(batch.topic).inc(len(batch))
            with metrics.stage("decode"):
                readable = decode(batch)
            metrics.valid.labels(batch.topic).inc(readable.rows.height)
            lead.take_in(batch, readable)
        if lead.is_due:
            self._make_durable()
        metrics.lags(means.consumer.lag())

    def _make_durable(self) -> None:
        """Also called by the consumer while the lead is given up in order."""
        lead, consumer = self._lead, self._means.consumer
        if lead is None or lead.term != consumer.term:
            return
        if self._was_silent and not consumer.is_member():
            return  # others have archived, or will archive, what was held here
        rows = len(self._buffer)
        try:
            lead.make_durable(consumer.commit)
        except OvertakenError as error:
            self._lead = None
            say(log, logging.WARNING, "another one has led meanwhile: continued behind it", reason=str(error))
        except BaseException:
            # A second attempt could archive twice; the next start sorts it out.
            self._lead = None
            raise
        else:
            if rows:
                say(log, logging.INFO, "archived", predictions=rows)

    @property
    def _was_silent(self) -> bool:
        """Whether the group may have given the lead to another one in the meantime."""
        return self._means.monotonic() - self._served > self._settings.predictions_session_seconds / 2

    def _release(self, _given: Parts) -> None:
        """Called while the lead is given up in order."""
        self._make_durable()
        self._lead = None

    def _lose(self, _gone: Parts) -> None:
        """What is held belongs to others from now on."""
        self._lead = None
