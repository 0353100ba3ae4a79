"""The poll loop. Thin edge: what a worker keeps is decided in `holdings`, what happens to messages in `pipeline`."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Event

from ingestion.claims import OvertakenError
from ingestion.erasures.kept import Erasures
from ingestion.stream.acknowledging import Acknowledging
from ingestion.stream.archive_index import ArchiveIndex
from ingestion.stream.background import Job
from ingestion.stream.buffer import Buffer
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock
from ingestion.stream.consumer import EventConsumer
from ingestion.stream.definitions import Read, Refresher
from ingestion.stream.errors import StoreUnreachableError
from ingestion.stream.holdings import Holdings
from ingestion.stream.lead import Lead, Letters
from ingestion.stream.log import say
from ingestion.stream.messages import Message, by_topic
from ingestion.stream.pipeline import Pipeline
from ingestion.stream.place import Broker
from ingestion.stream.recovery import Recovered, Recovery, Wanted
from ingestion.stream.settings import StreamSettings
from ingestion.stream.sink import PatientSink, Sink, SinkAwayError
from ingestion.stream.snapshots import SnapshotStore
from ingestion.stream.snapshotting import Snapshotter
from ingestion.stream.status import Phase, Status
from ingestion.stream.units import LEAD_PART, Unit

log = logging.getLogger(__name__)

_MEASURE_SECONDS = 1.0
_IDLE_SECONDS = 0.1


class InterruptedWaitError(Exception):
    """Waiting ended because the worker shall stop or holds other parts now."""


@dataclass(frozen=True)
class Parts:
    """What a worker is composed of.

    Attributes:
        topics: What it serves.
        read_again: What is registered now; None while nothing has changed.
        consumer: Its place in the group.
        broker: Asks Kafka about topics and offsets.
        letters: The dead-letter topic.
        sink: The online store.
        snapshots: Where the state is kept.
        erasures: Who was erased, and where it is told which windows are without them.
        threads: At least two, for what happens beside the stream.
        new_clock: Makes what moves the windows.
        wall_us: The machine's clock, Unix microseconds.
        monotonic: Seconds of a clock that never goes back.
        status: What it is doing; holds the metrics.
        stop: Set to end it.
    """

    topics: Sequence[EventTopic]
    read_again: Read
    consumer: EventConsumer
    broker: Broker
    letters: Letters
    sink: Sink
    snapshots: SnapshotStore
    erasures: Erasures
    threads: Executor
    new_clock: Callable[[], Clock]
    wall_us: Callable[[], int]
    monotonic: Callable[[], float]
    status: Status
    stop: Event


class Worker:
    """One worker; `run` returns when it was stopped and all it had read is durable."""

    def __init__(self, parts: Parts, settings: StreamSettings) -> None:
        self._parts = parts
        self._settings = settings
        self._measured = self._served = self._started = parts.monotonic()
        self._was_ready = False
        self._indexes = {topic.name: ArchiveIndex(topic.archive, topic.name) for topic in parts.topics}
        self._sink = PatientSink(parts.sink, self._pause, settings.stream_retry_max_seconds, self._store_away)
        self._pipeline = Pipeline(
            {topic.name: topic for topic in parts.topics},
            sink=self._sink,
            clock=parts.new_clock(),
            wall_us=parts.wall_us,
            metrics=parts.status.metrics,
            boundary_rows=settings.stream_boundary_rows,
        )
        self._holdings = Holdings(
            parts.topics,
            settings.stream_shares,
            consumer=parts.consumer,
            pipeline=self._pipeline,
            recover=self._recover,
            new_lead=self._new_lead,
            adopt=parts.sink.adopt,
        )
        self._snapshotter = Snapshotter(
            parts.snapshots,
            self._indexes,
            threads=parts.threads,
            every_seconds=settings.stream_snapshot_seconds,
            monotonic=parts.monotonic,
            wall_us=parts.wall_us,
            metrics=parts.status.metrics,
        )
        self._acknowledging = Acknowledging(parts.erasures, settings.stream_group)
        self._refresher = Refresher(
            parts.read_again, parts.threads, settings.stream_refresh_seconds, parts.monotonic
        )

    def run(self) -> None:
        """Join the group and work until stopped.

        Raises:
            StreamError: what cannot be waited out; nothing is committed that is not durable.
        """
        self.begin()
        try:
            while not self._parts.stop.is_set():
                self.turn()
            self.finish()
        finally:
            self.close()

    def begin(self) -> None:
        """Enter the group."""
        self._parts.consumer.join(on_release=self._release, on_loss=self._holdings.lose)

    def turn(self) -> None:
        """One batch, and whatever else there is to be done."""
        try:
            self._settle()
            if self._holdings.is_live:
                self._work()
            else:
                self._idle()
        except InterruptedWaitError:
            if self._pipeline.is_pushing:
                self._pipeline.owe_all()

    def finish(self) -> None:
        """Make everything durable and keep the state for the next start."""
        self._parts.status.enter(Phase.STOPPING)
        self._make_durable()
        self._save(self._pipeline.units)

    def close(self) -> None:
        """Leave the group; what was not made durable is forgotten."""
        self._holdings.close()
        self._snapshotter.abandon()
        self._parts.consumer.close()
        self._parts.broker.close()

    def _settle(self) -> None:
        """Bring what is done in line with the parts held and with the definitions."""
        holdings = self._holdings
        holdings.follow(self._refresher.step())
        wanted = holdings.missing()
        if wanted is not None:
            if not self._was_ready:
                self._parts.status.enter(Phase.RECOVERING)
                self._sink.check()
            holdings.recover(wanted)
        elif holdings.take_recovered() and holdings.is_live:
            self._look_at_store()
            self._pipeline.measure()
            self._parts.status.enter(Phase.READY)
            self._say_ready()

    def _idle(self) -> None:
        is_charged = self._holdings.is_charged
        self._parts.status.enter(Phase.RECOVERING if is_charged else Phase.STANDBY)
        self._parts.consumer.wait(_IDLE_SECONDS)
        self._served = self._parts.monotonic()
        if not (is_charged or self._was_ready):
            self._started = self._served  # a start begins when there is something to do

    def _work(self) -> None:
        settings, metrics = self._settings, self._parts.status.metrics
        with metrics.stage("poll"):
            messages = self._parts.consumer.read(
                settings.stream_batch_max_messages,
                0.0 if self._has_more_to_do else settings.stream_wait_milliseconds / 1000,
                settings.stream_linger_milliseconds / 1000,
            )
        if self._was_silent and not self._parts.consumer.is_member():
            return
        self._served = self._parts.monotonic()
        if messages:
            self._take_in(messages)
        self._pipeline.pass_boundaries()
        self._holdings.close_gaps(settings.stream_batch_max_messages)
        lead = self._pipeline.lead
        if lead is not None and lead.is_due:
            self._make_durable()
        at_rest = lead is None or lead.holds_nothing
        self._snapshotter.step(self._pipeline.groups, self._holdings.shares, at_rest=at_rest)
        self._measure()

    @property
    def _has_more_to_do(self) -> bool:
        """Whether no time should go by without a message."""
        return self._pipeline.waiting > 0 or self._holdings.is_joining

    def _take_in(self, messages: Sequence[Message]) -> None:
        batches = by_topic(messages)
        for batch in batches:
            self._parts.consumer.passed(batch.next_offsets())
        self._parts.status.metrics.batch.observe(len(messages))
        self._pipeline.take_in(batches)

    def _recover(self, wanted: Wanted) -> Job[Wanted, Recovered]:
        parts, cancelled = self._parts, Event()
        recovery = Recovery(
            parts.broker,
            self._indexes,
            parts.snapshots,
            parts.new_clock,
            cancelled,
        )
        return Job(parts.threads, recovery.run, wanted, cancelled)

    def _new_lead(self, recovered: Recovered) -> Lead:
        parts, settings = self._parts, self._settings
        return Lead(
            recovered.wanted.term,
            {place: start.offset for place, start in recovered.starts.items()},
            recovered.archived,
            recovered.numbers,
            topics={topic.name: topic for topic in parts.topics},
            buffer=Buffer(settings.stream_archive_max_rows, settings.stream_archive_seconds, parts.monotonic),
            letters=parts.letters,
            metrics=parts.status.metrics,
            tombstones=parts.erasures.tombstones,
        )

    def _say_ready(self) -> None:
        if not self._was_ready:
            self._was_ready = True
            fields = {"units": len(self._pipeline.units), "events_folded": self._holdings.events_folded}
            say(log, logging.INFO, "ready", **fields, seconds=self._parts.monotonic() - self._started)

    def _release(self, given: frozenset[int]) -> None:
        """Called while parts are given up in order."""
        if LEAD_PART in given:
            self._make_durable()
        self._save([unit for unit in self._pipeline.units if unit.part in given])
        self._holdings.lose(given)

    def _save(self, units: Iterable[Unit]) -> None:
        pipeline = self._pipeline
        self._snapshotter.save(pipeline.groups, units, is_pushed=not pipeline.is_pushing)

    def _make_durable(self) -> None:
        """Also called by the consumer while the lead is given up in order."""
        lead, consumer = self._pipeline.lead, self._parts.consumer
        if lead is None or lead.term != consumer.term:
            return
        if self._was_silent and not consumer.is_member():
            return  # others have archived, or will archive, what was held here
        try:
            lead.make_durable(consumer.commit)
        except OvertakenError as error:
            self._pipeline.lead = None
            what = "another worker has led meanwhile: continued behind it"
            say(log, logging.WARNING, what, reason=str(error))
        except BaseException:
            # A second attempt could archive a topic twice; the next start sorts it out.
            self._pipeline.lead = None
            raise

    @property
    def _was_silent(self) -> bool:
        """Whether the group may have given the parts to others in the meantime."""
        return self._parts.monotonic() - self._served > self._settings.stream_session_seconds / 2

    def _pause(self, seconds: float) -> None:
        """Serve the group meanwhile, and break off when there is no reason to go on."""
        changes = self._parts.consumer.changes
        end = self._parts.monotonic() + seconds
        while True:
            left = end - self._parts.monotonic()
            self._parts.consumer.wait(max(0.0, min(left, 0.2)))
            self._served = self._parts.monotonic()
            if self._parts.stop.is_set() or self._parts.consumer.changes != changes:
                raise InterruptedWaitError
            if left <= 0:
                return

    def _store_away(self, error: SinkAwayError | None) -> None:
        waited = self._parts.monotonic() - self._started
        if error is None:
            say(log, logging.INFO, "the online store answers again")
            self._look_at_store()
            self._parts.status.enter(Phase.READY if self._holdings.is_live else Phase.RECOVERING)
            return
        if not self._was_ready and waited > self._settings.stream_start_timeout_seconds:
            raise StoreUnreachableError(f"{error} (waited {waited:.0f} s)") from error
        say(log, logging.WARNING, "waiting for the online store", reason=str(error))
        self._parts.status.enter(Phase.STORE_AWAY, str(error))

    def _look_at_store(self) -> None:
        """A store that was started again may have less than it had: then every row is pushed, in portions."""
        try:
            identity = self._parts.sink.identity()
        except SinkAwayError:
            return
        if units := self._pipeline.await_all(identity):
            why = "this store has not been given them"
            say(log, logging.INFO, "every row will be pushed", units=units, why=why)

    def _measure(self) -> None:
        now = self._parts.monotonic()
        if now - self._measured >= _MEASURE_SECONDS:
            self._measured = now
            self._pipeline.measure()
            self._parts.status.metrics.leads.set(self._pipeline.lead is not None)
            self._snapshotter.measure()
            if not self._snapshotter.is_busy:
                self._acknowledging.step(self._pipeline.units)
            self._look_at_store()
            self._parts.status.metrics.lags(self._parts.consumer.lag())


def wall_us() -> int:
    """The machine's clock, Unix microseconds."""
    return time.time_ns() // 1000
