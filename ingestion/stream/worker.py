"""The poll loop: stand by, recover, work. Thin edge; what happens to messages is in `pipeline`."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Event

from ingestion.stream.archived import Archived
from ingestion.stream.buffer import Buffer
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock
from ingestion.stream.consumer import EventConsumer
from ingestion.stream.errors import StoreUnreachableError
from ingestion.stream.fold import fold
from ingestion.stream.log import say
from ingestion.stream.messages import Partition
from ingestion.stream.offsets import Start, starts
from ingestion.stream.pipeline import Letters, Pipeline
from ingestion.stream.settings import StreamSettings
from ingestion.stream.sink import PatientSink, Sink, SinkAwayError
from ingestion.stream.status import Phase, Status
from ingestion.stream.warm_up import warm_up
from ingestion.stream.windows import TopicWindows

log = logging.getLogger(__name__)

_PORTION_ROWS = 5_000
_MEASURE_SECONDS = 1.0


class InterruptedWaitError(Exception):
    """Waiting ended because the worker shall stop or its term has ended."""


@dataclass(frozen=True)
class Parts:
    """What a worker is composed of.

    Attributes:
        topics: What it serves.
        consumer: Its place in the group.
        letters: The dead-letter topic.
        sink: The online store.
        new_clock: Makes what moves the windows, afresh for each time it leads.
        wall_us: The machine's clock, Unix microseconds.
        monotonic: Seconds of a clock that never goes back.
        status: What it is doing; holds the metrics.
        stop: Set to end it.
    """

    topics: Sequence[EventTopic]
    consumer: EventConsumer
    letters: Letters
    sink: Sink
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
        self._pipeline: Pipeline | None = None
        self._term = 0
        self._measured = 0.0
        self._was_ready = False
        self._started = parts.monotonic()

    def run(self) -> None:
        """Join the group and work until stopped.

        Raises:
            StreamError: what cannot be waited out; nothing is committed that is not durable.
        """
        parts = self._parts
        parts.consumer.join(on_release=self._make_durable)
        try:
            while not parts.stop.is_set():
                self._turn()
            parts.status.enter(Phase.STOPPING)
            self._make_durable()
        finally:
            self._pipeline = None
            parts.consumer.close()

    def _turn(self) -> None:
        if self._parts.consumer.term != self._term:
            self._pipeline, self._term = None, self._parts.consumer.term
        try:
            if not self._parts.consumer.leads:
                self._stand_by()
            elif self._pipeline is None:
                self._pipeline = self._recover()
            else:
                self._work(self._pipeline)
        except InterruptedWaitError:
            return

    def _stand_by(self) -> None:
        self._parts.status.enter(Phase.STANDBY)
        self._parts.consumer.wait(0.2)

    def _work(self, pipeline: Pipeline) -> None:
        settings, metrics = self._settings, self._parts.status.metrics
        with metrics.stage("poll"):
            messages = self._parts.consumer.read(
                settings.stream_batch_max_messages,
                settings.stream_wait_milliseconds / 1000,
                settings.stream_linger_milliseconds / 1000,
            )
        if self._parts.consumer.term != self._term:
            return
        if messages:
            metrics.batch.observe(len(messages))
            pipeline.take_in(messages)
        pipeline.pass_boundaries()
        if pipeline.is_due:
            self._make_durable()
        self._measure(pipeline)

    def _recover(self) -> Pipeline:
        parts, begin = self._parts, self._parts.monotonic()
        parts.status.enter(Phase.RECOVERING)
        sink = PatientSink(parts.sink, self._pause, self._settings.stream_retry_max_seconds, self._store_away)
        sink.check()
        for topic in parts.topics:
            warm_up(topic)
            self._keep_place(0)
        archived_offsets = {k: v for topic in parts.topics for k, v in topic.archive.last_offsets().items()}
        known = parts.consumer.known([topic.name for topic in parts.topics], archived_offsets)
        where = starts(known)
        clock = parts.new_clock()
        windows = {topic.name: TopicWindows(topic) for topic in parts.topics}
        folded = sum(self._fold(topic, windows[topic.name], clock) for topic in parts.topics)
        pipeline = self._pipeline_of(windows, _archived(parts.topics, where), sink, clock)
        pipeline.pass_boundaries()
        rows = pipeline.push_everything(_PORTION_ROWS, self._keep_place)
        parts.consumer.begin({place: start.offset for place, start in where.items()})
        _tell(where)
        say(
            log,
            logging.INFO,
            "ready",
            events_folded=folded,
            rows_pushed=rows,
            seconds=parts.monotonic() - begin,
        )
        self._was_ready = True
        parts.status.enter(Phase.READY)
        return pipeline

    def _fold(self, topic: EventTopic, windows: TopicWindows, clock: Clock) -> int:
        def told(done: int, total: int) -> None:
            say(log, logging.INFO, "folding the archive", topic=topic.name, events=done, of=total)
            self._keep_place(done)

        return fold(topic, windows, clock, told)

    def _pipeline_of(
        self, windows: dict[str, TopicWindows], archived: dict[str, Archived], sink: Sink, clock: Clock
    ) -> Pipeline:
        parts, settings = self._parts, self._settings
        return Pipeline(
            {topic.name: topic for topic in parts.topics},
            windows,
            archived,
            buffer=Buffer(settings.stream_archive_max_rows, settings.stream_archive_seconds, parts.monotonic),
            letters=parts.letters,
            sink=sink,
            clock=clock,
            wall_us=parts.wall_us,
            metrics=parts.status.metrics,
            boundary_rows=settings.stream_boundary_rows,
        )

    def _make_durable(self) -> None:
        """Also called by the consumer while the lead is given up in order."""
        pipeline = self._pipeline
        if pipeline is None or self._parts.consumer.term != self._term:
            return
        try:
            pipeline.make_durable(self._parts.consumer.commit)
        except BaseException:
            self._pipeline = None  # a second attempt could archive a topic twice; the next start sorts it out
            raise

    def _keep_place(self, _done: int) -> None:
        """Serve the group in between, and break off when there is no reason to go on."""
        self._pause(0.0)

    def _pause(self, seconds: float) -> None:
        end = self._parts.monotonic() + seconds
        while True:
            left = end - self._parts.monotonic()
            self._parts.consumer.wait(max(0.0, min(left, 0.2)))
            if self._parts.stop.is_set() or self._parts.consumer.term != self._term:
                raise InterruptedWaitError
            if left <= 0:
                return

    def _store_away(self, error: SinkAwayError | None) -> None:
        waited = self._parts.monotonic() - self._started
        if error is None:
            say(log, logging.INFO, "the online store answers again")
            if self._pipeline is not None:
                self._pipeline.push_again()
            self._parts.status.enter(Phase.READY if self._was_ready else Phase.RECOVERING)
            return
        if not self._was_ready and waited > self._settings.stream_start_timeout_seconds:
            raise StoreUnreachableError(f"{error} (waited {waited:.0f} s)") from error
        say(log, logging.WARNING, "waiting for the online store", reason=str(error))
        self._parts.status.enter(Phase.STORE_AWAY, str(error))

    def _measure(self, pipeline: Pipeline) -> None:
        now = self._parts.monotonic()
        if now - self._measured >= _MEASURE_SECONDS:
            self._measured = now
            pipeline.measure()
            self._parts.status.metrics.lags(self._parts.consumer.lag())


def wall_us() -> int:
    """The machine's clock, Unix microseconds."""
    return time.time_ns() // 1000


def _archived(topics: Sequence[EventTopic], where: dict[Partition, Start]) -> dict[str, Archived]:
    recognised = {}
    for topic in topics:
        parts = [
            number for (name, number), start in where.items() if name == topic.name and start.skips_archived
        ]
        if parts and topic.archive.days():
            recognised[topic.name] = Archived.read(topic.archive, topic.name, parts)
    return recognised


def _tell(where: dict[Partition, Start]) -> None:
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
