"""The stages behind the poll, composed: what one leading worker does with what it has read. Hot path.

Knows neither Kafka nor Redis nor Feast: they come in as a letter box, a sink, and the offsets that may be committed.
"""

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import polars as pl

from ingestion.stream.archived import Archived
from ingestion.stream.buffer import Buffer
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock
from ingestion.stream.decoding import decode
from ingestion.stream.errors import NotDurableError
from ingestion.stream.letters import DeadLetter
from ingestion.stream.log import say
from ingestion.stream.messages import Message, Partition, TopicBatch, by_topic
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.pending import Pending
from ingestion.stream.sink import Sink
from ingestion.stream.windows import Taken, TopicWindows

log = logging.getLogger(__name__)


class Letters(Protocol):
    """Where messages go that cannot be read."""

    def send(self, letters: Iterable[DeadLetter]) -> None:
        """Hand over; may return before they are delivered."""

    def flush(self) -> None:
        """Return once all are delivered."""


class Pipeline:
    """State of a leading worker.

    Args:
        topics: What is read, by topic.
        windows: The state of each topic's views, folded from its archive.
        archived: What of each topic is in the archive though no offset says so; absent: nothing.
        buffer: What is not durable yet.
        letters: The dead-letter topic.
        sink: The online store.
        clock: What moves the windows.
        wall_us: The machine's clock, Unix microseconds.
        metrics: What is counted.
        boundary_rows: Most rows of windows that lost a tile pushed at once.
    """

    def __init__(
        self,
        topics: Mapping[str, EventTopic],
        windows: Mapping[str, TopicWindows],
        archived: Mapping[str, Archived],
        *,
        buffer: Buffer,
        letters: Letters,
        sink: Sink,
        clock: Clock,
        wall_us: Callable[[], int],
        metrics: StreamMetrics,
        boundary_rows: int,
    ) -> None:
        self._topics = topics
        self._windows = windows
        self._archived = archived
        self._buffer = buffer
        self._letters = letters
        self._sink = sink
        self._clock = clock
        self._wall_us = wall_us
        self._metrics = metrics
        self._boundary_rows = boundary_rows
        self._pending = {v: Pending(keys) for w in windows.values() for v, keys in w.keys.items()}

    def take_in(self, messages: Iterable[Message]) -> None:
        """Take messages through all stages up to the online store; they are not durable yet."""
        taken = [(batch.topic, self._take_batch(batch)) for batch in by_topic(messages)]
        for topic, _ in taken:
            self._push_changed(topic)
        now_us = self._wall_us()
        for topic, part in taken:
            self._observe_freshness(topic, part, now_us)

    def pass_boundaries(self) -> None:
        """Let windows lose their tiles up to now, and push a portion of the rows that this changed."""
        now_us = self._clock.now_us()
        if now_us is not None:
            with self._metrics.stage("boundaries"):
                self._advance(now_us)
        self._push_pending(self._boundary_rows)

    def push_everything(self, portion_rows: int, between: Callable[[int], None]) -> int:
        """Push all rows that wait, after a fold: in portions, calling ``between`` with the rows so far; returns them."""
        total = 0
        while pushed := self._push_pending(portion_rows):
            total += pushed
            between(total)
        return total

    def push_again(self) -> None:
        """Let the row of every entity wait: a store that was away may have come back with less than it had."""
        for windows in self._windows.values():
            for view, executor in windows.views.items():
                self._pending[view].add(executor.rows())

    @property
    def is_due(self) -> bool:
        """Whether it is time for `make_durable`."""
        return self._buffer.is_due()

    def make_durable(self, commit: Callable[[Mapping[Partition, int]], None]) -> None:
        """Deliver the dead letters, write the archive files, then commit: in this order.

        Raises:
            NotDurableError: one of the first two failed; nothing is committed.
        """
        held = self._buffer.content()
        if not held.next_offsets:
            return
        with self._metrics.stage("dead letters"):
            self._letters.flush()
        with self._metrics.stage("archive"):
            for topic, rows in held.rows.items():
                self._archive(topic, rows)
        with self._metrics.stage("commit"):
            commit(held.next_offsets)
        self._buffer.clear()

    def measure(self) -> None:
        """Bring the gauges up to date."""
        for topic, windows in self._windows.items():
            if windows.lateness.watermark_us is not None:
                self._metrics.watermark.labels(topic).set(windows.lateness.watermark_us / 1e6)
            for name, view in windows.views.items():
                self._metrics.keys.labels(name).set(view.keys)
                self._metrics.bytes.labels(name).set(view.nbytes)
                self._metrics.pending.labels(name).set(len(self._pending[name]))

    def _take_batch(self, batch: TopicBatch) -> Taken:
        topic, metrics = self._topics[batch.topic], self._metrics
        with metrics.stage("decode"):
            readable = decode(batch, topic.contract)
        self._letters.send(readable.letters)
        rows = self._archived.get(batch.topic, Archived.none()).without(readable.rows)
        self._buffer.add(batch, rows)
        with metrics.stage("windows"):
            taken = self._windows[batch.topic].update(rows)
        newest_us = self._windows[batch.topic].lateness.newest_us
        if newest_us is not None:
            self._clock.observe(newest_us)
        metrics.consumed.labels(batch.topic).inc(len(batch))
        metrics.valid.labels(batch.topic).inc(rows.height)
        metrics.late.labels(batch.topic).inc(taken.late)
        metrics.repeated.labels(batch.topic).inc(taken.repeated)
        for letter in readable.letters:
            metrics.dead.labels(batch.topic, letter.kind).inc()
        for view, expired in taken.expired.items():
            metrics.expired.labels(view).inc(expired)
        return taken

    def _observe_freshness(self, topic: str, part: Taken, now_us: int) -> None:
        watermark_us = self._windows[topic].lateness.watermark_us
        if watermark_us is not None:
            self._metrics.readable(
                part.events, self._topics[topic].contract.timestamp_field, watermark_us, now_us
            )

    def _push_changed(self, topic: str) -> None:
        with self._metrics.stage("evaluate"):
            changed = list(self._windows[topic].take_changed())
        for view, rows in changed:
            self._pending[view].supersede(rows)
            self._push(view, rows)

    def _advance(self, now_us: int) -> None:
        for windows in self._windows.values():
            windows.advance(now_us)
            for view, rows in (*windows.take_changed(), *windows.take_waiting(sys.maxsize)):
                self._pending[view].add(rows)

    def _push_pending(self, most: int) -> int:
        left = most
        for view, pending in self._pending.items():
            rows = pending.take(left)
            if rows is not None:
                self._push(view, rows)
                left -= rows.height
        return most - left

    def _push(self, view: str, rows: pl.DataFrame) -> None:
        with self._metrics.stage("push"):
            self._sink.push(view, rows)
        self._metrics.pushed.labels(view).inc(rows.height)

    def _archive(self, topic: str, rows: pl.DataFrame) -> None:
        try:
            files = self._topics[topic].archive.write(rows)
        except OSError as error:
            raise NotDurableError(
                f"{rows.height} events of {topic!r} could not be archived: {error}; "
                "their offsets are not committed, a restart reads them again"
            ) from error
        self._metrics.archived_rows.labels(topic).inc(rows.height)
        self._metrics.archived_files.labels(topic).inc(len(files))
        say(log, logging.DEBUG, "archived", topic=topic, rows=rows.height, files=len(files))
