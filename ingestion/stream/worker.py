"""The poll loop: hold parts, bring their units up to date, work. Thin edge; what happens to messages is in `pipeline`."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from threading import Event

from ingestion.stream.archive_index import ArchiveIndex
from ingestion.stream.background import Job
from ingestion.stream.buffer import Buffer
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock
from ingestion.stream.consumer import EventConsumer
from ingestion.stream.definitions import Read, Refresher, brought_up_to_date
from ingestion.stream.errors import StoreUnreachableError
from ingestion.stream.group import StateGroup
from ingestion.stream.joining import Joining
from ingestion.stream.lead import Lead, Letters
from ingestion.stream.log import say
from ingestion.stream.messages import Message, Partition, by_topic
from ingestion.stream.offsets import Start
from ingestion.stream.pipeline import Pipeline
from ingestion.stream.positions import of_topic, reaches
from ingestion.stream.recovery import Broker, Recovered, Recovery, Wanted
from ingestion.stream.settings import StreamSettings
from ingestion.stream.sink import PatientSink, Sink, SinkAwayError
from ingestion.stream.snapshots import SnapshotStore
from ingestion.stream.snapshotting import Snapshotter
from ingestion.stream.status import Phase, Status
from ingestion.stream.units import LEAD_PART, Unit, Work, units_of

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
        self._topics = tuple(parts.topics)
        self._works: dict[Unit, Work] = {}
        self._changes = -1
        self._measured = self._served = self._started = parts.monotonic()
        self._was_ready = False
        self._job: Job[Wanted, Recovered] | None = None
        self._joining: list[Joining] = []
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
        self._snapshotter = Snapshotter(
            parts.snapshots,
            self._indexes,
            threads=parts.threads,
            every_seconds=settings.stream_snapshot_seconds,
            monotonic=parts.monotonic,
            wall_us=parts.wall_us,
            metrics=parts.status.metrics,
        )
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
        self._parts.consumer.join(on_release=self._release, on_loss=self._lose)

    def turn(self) -> None:
        """One batch, and whatever else there is to be done."""
        try:
            self._settle()
            if self._is_live:
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
        self._forget(lambda _: True)
        self._pipeline.lead = None
        self._snapshotter.abandon()
        if self._job is not None:
            self._job.cancel()
        self._parts.consumer.close()
        self._parts.broker.close()

    @property
    def _is_live(self) -> bool:
        return self._pipeline.lead is not None or bool(self._pipeline.units) or bool(self._joining)

    def _idle(self) -> None:
        holds = bool(self._works) or self._parts.consumer.term > 0
        self._parts.status.enter(Phase.RECOVERING if holds else Phase.STANDBY)
        self._parts.consumer.wait(_IDLE_SECONDS)
        self._served = self._parts.monotonic()

    def _work(self) -> None:
        settings, metrics, consumer = self._settings, self._parts.status.metrics, self._parts.consumer
        with metrics.stage("poll"):
            messages = consumer.read(
                settings.stream_batch_max_messages,
                settings.stream_wait_milliseconds / 1000,
                settings.stream_linger_milliseconds / 1000,
            )
        self._served = self._parts.monotonic()
        if messages:
            self._take_in(messages)
        self._pipeline.pass_boundaries()
        self._close_gaps()
        lead = self._pipeline.lead
        if lead is not None and lead.is_due:
            self._make_durable()
        self._snapshotter.step(
            self._pipeline.groups, self._shares(), at_rest=lead is None or lead.holds_nothing
        )
        self._measure()

    def _take_in(self, messages: Sequence[Message]) -> None:
        batches = by_topic(messages)
        for batch in batches:
            self._parts.consumer.passed(batch.next_offsets())
        self._parts.status.metrics.batch.observe(len(messages))
        self._pipeline.take_in(batches)

    def _settle(self) -> None:
        """Bring what is done in line with the parts held and with the definitions."""
        registered = self._refresher.step()
        if registered is not None:
            self._topics = brought_up_to_date(self._topics, registered)
        if registered is not None or self._changes != self._parts.consumer.changes:
            self._changes = self._parts.consumer.changes
            self._works = units_of(self._topics, self._settings.stream_shares, self._parts.consumer.parts)
            self._forget(
                lambda unit: unit not in self._works and not any(u.replaces(unit) for u in self._works)
            )
            self._leave_topics()
        if self._job is None:
            self._recover_what_is_missing()
        elif self._job.is_done:
            job, self._job = self._job, None
            try:
                self._go_on_with(job.result())
            except FileNotFoundError as error:
                say(
                    log, logging.WARNING, "the archive was rearranged meanwhile: once more", reason=str(error)
                )

    def _recover_what_is_missing(self) -> None:
        parts, lead = self._parts, self._pipeline.lead
        there = self._pipeline.units.keys() | {u for joining in self._joining for u in joining.group.units}
        units = {unit: work for unit, work in self._works.items() if unit not in there}
        term = parts.consumer.term if lead is None or lead.term != parts.consumer.term else 0
        if not units and not term:
            return
        if not self._is_live:
            parts.status.enter(Phase.RECOVERING)
        if not self._was_ready:
            self._sink.check()
        cancelled = Event()
        recovery = Recovery(parts.broker, self._indexes, parts.snapshots, parts.new_clock, cancelled)
        self._job = Job(parts.threads, recovery.run, Wanted(units, term, self._topics), cancelled)

    def _go_on_with(self, recovered: Recovered) -> None:
        """Let the units go with the stream that are still ours, and lead, if the term still lasts."""
        consumer, term = self._parts.consumer, recovered.wanted.term
        leads = term > 0 and term == consumer.term
        for group in recovered.groups:
            group.drop(lambda unit: unit not in self._works)
        groups = [group for group in recovered.groups if group.units]
        starts = recovered.starts if leads else {}
        if begin := beginnings(consumer.positions, starts, groups):
            consumer.begin(begin)
        if leads:
            self._lead(recovered)
        for group in groups:
            if reaches(group.positions, of_topic(group.topic.name, consumer.positions)):
                self._add(group)
            else:
                self._joining.append(Joining(group, consumer))
        if self._is_live and not self._was_ready:
            self._say_ready(recovered)

    def _lead(self, recovered: Recovered) -> None:
        parts, settings = self._parts, self._settings
        _tell(recovered.starts)
        self._pipeline.lead = Lead(
            recovered.wanted.term,
            {place: start.offset for place, start in recovered.starts.items()},
            recovered.archived,
            topics={topic.name: topic for topic in self._topics},
            buffer=Buffer(settings.stream_archive_max_rows, settings.stream_archive_seconds, parts.monotonic),
            letters=parts.letters,
            metrics=parts.status.metrics,
        )
        parts.status.metrics.leads.set(1)
        parts.status.enter(Phase.READY)

    def _add(self, group: StateGroup) -> None:
        for unit in group.units:
            self._parts.sink.adopt(unit.view)
            say(log, logging.INFO, "serving", view=unit.view, share=unit.share, part=unit.part)
        self._pipeline.add(group)
        self._look_at_store()
        self._parts.status.enter(Phase.READY)

    def _say_ready(self, recovered: Recovered) -> None:
        self._was_ready = True
        say(
            log,
            logging.INFO,
            "ready",
            units=len(self._pipeline.units),
            events_folded=recovered.events,
            seconds=self._parts.monotonic() - self._started,
        )

    def _close_gaps(self) -> None:
        for joining in list(self._joining):
            if joining.step(self._settings.stream_batch_max_messages, self._parts.consumer.positions):
                joining.close()
                self._joining.remove(joining)
                self._add(joining.group)

    def _release(self, given: frozenset[int]) -> None:
        """Called while parts are given up in order."""
        if LEAD_PART in given:
            self._make_durable()
        self._save(unit for unit in self._pipeline.units if unit.part in given)
        self._lose(given)

    def _lose(self, gone: frozenset[int]) -> None:
        """Called when parts are gone."""
        self._forget(lambda unit: unit.part in gone)
        if LEAD_PART in gone:
            self._pipeline.lead = None
            self._parts.status.metrics.leads.set(0)

    def _forget(self, is_lost: Callable[[Unit], bool]) -> None:
        self._pipeline.drop(is_lost)
        for joining in list(self._joining):
            joining.group.drop(is_lost)
            if not joining.group.units:
                joining.close()
                self._joining.remove(joining)

    def _leave_topics(self) -> None:
        """Read no topic that neither the lead nor a unit needs."""
        if not self._parts.consumer.term:
            needed = {work.topic.name for work in self._works.values()} | self._pipeline.topics
            self._parts.consumer.leave({topic.name for topic in self._topics} - needed)

    def _save(self, units: Iterable[Unit]) -> None:
        pipeline = self._pipeline
        self._snapshotter.save(pipeline.groups, units, is_pushed=not pipeline.is_pushing)

    def _make_durable(self) -> None:
        """Also called by the consumer while the lead is given up in order."""
        lead, consumer = self._pipeline.lead, self._parts.consumer
        if lead is None or lead.term != consumer.term:
            return
        if self._was_silent and not consumer.still_leads():
            self._pipeline.lead = None  # others lead: they have archived, or will archive, what is held here
            return
        try:
            lead.make_durable(consumer.commit)
        except BaseException:
            self._pipeline.lead = (
                None  # a second attempt could archive a topic twice; the next start sorts it out
            )
            raise

    def _shares(self) -> set[tuple[str, str, str]]:
        """View, share and number of shares of everything that is served, by whomever."""
        shares = self._settings.stream_shares
        views = [spec.name for topic in self._topics for spec in topic.specs]
        return {(view, str(share), str(shares)) for view in views for share in range(shares)}

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
            self._parts.status.enter(Phase.READY if self._is_live else Phase.RECOVERING)
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
            say(
                log,
                logging.INFO,
                "every row will be pushed",
                units=units,
                why="this store has not been given them",
            )

    def _measure(self) -> None:
        now = self._parts.monotonic()
        if now - self._measured >= _MEASURE_SECONDS:
            self._measured = now
            self._pipeline.measure()
            self._snapshotter.measure()
            self._look_at_store()
            self._parts.status.metrics.lags(self._parts.consumer.lag())


def beginnings(
    positions: Mapping[Partition, int], starts: Mapping[Partition, Start], groups: Sequence[StateGroup]
) -> dict[Partition, int]:
    """Where reading begins of partitions that are not read yet, and of those that are read too far on for the lead.

    Args:
        positions: Where the partitions stand that are being read.
        starts: Where the lead has to begin.
        groups: Units; those over topics that are being read catch up in another way.
    """
    begin = {
        place: start.offset
        for place, start in starts.items()
        if place not in positions or positions[place] > start.offset
    }
    for group in groups:
        for number, offset in group.positions.items():
            place = (group.topic.name, number)
            if place not in positions:
                begin[place] = min(offset, begin.get(place, offset))
    return begin


def wall_us() -> int:
    """The machine's clock, Unix microseconds."""
    return time.time_ns() // 1000


def _tell(where: Mapping[Partition, Start]) -> None:
    for (topic, partition), start in sorted(where.items()):
        fields = {"topic": topic, "partition": partition, "offset": start.offset, "why": start.reason.value}
        if start.lost:
            say(
                log,
                logging.ERROR,
                "messages expired in Kafka before they were read",
                lost=start.lost,
                **fields,
            )
        else:
            say(log, logging.INFO, "reading", **fields)
