"""What the member does that leads: events into the archive, dead letters to their topic, then the offsets behind both.

Each message is kept by the one that leads, whoever keeps the windows over it.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import polars as pl

from ingestion.archive import ARRIVAL
from ingestion.erasures.letters import is_gone
from ingestion.erasures.tombstones import Tombstones
from ingestion.stream.archived import Archived
from ingestion.stream.buffer import Buffer
from ingestion.stream.catalogue import KeptTopic
from ingestion.stream.decoding import Readable
from ingestion.stream.errors import NotDurableError
from ingestion.stream.letters import DeadLetter
from ingestion.stream.log import say
from ingestion.stream.messages import Partition, TopicBatch
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.positions import from_positions, of_topic

log = logging.getLogger(__name__)


class Letters(Protocol):
    """Where messages go that cannot be read."""

    def send(self, letters: Iterable[DeadLetter]) -> None:
        """Hand over; may return before they are delivered."""

    def flush(self) -> None:
        """Return once all are delivered."""


class Lead:
    """One term of leading.

    Attributes:
        term: Its number.

    Args:
        term: Its number.
        starts: First offset of each partition that is not kept yet; what lies before is left out.
        archived: What of each topic is in the archive though no offset says so; absent: nothing.
        numbers: Number of the next batch for the archive of each topic.
        topics: What is read, by topic.
        buffer: What is not durable yet.
        letters: The dead-letter topic.
        metrics: What is counted.
        tombstones: Reads whose messages are not kept. They are read now, after the numbers were asked for, and again before
            each batch: who erases takes a number of each archive, so a lead that does not know of it cannot archive.
    """

    def __init__(
        self,
        term: int,
        starts: Mapping[Partition, int],
        archived: Mapping[str, Archived],
        numbers: Mapping[str, int],
        *,
        topics: Mapping[str, KeptTopic],
        buffer: Buffer,
        letters: Letters,
        metrics: StreamMetrics,
        tombstones: Callable[[], Tombstones],
    ) -> None:
        self.term = term
        self._starts = {topic: of_topic(topic, starts) for topic in topics}
        self._archived = archived
        self._numbers = dict(numbers)
        self._topics = topics
        self._buffer = buffer
        self._letters = letters
        self._metrics = metrics
        self._tombstones = tombstones
        self._erased = tombstones()

    def take_in(self, batch: TopicBatch, readable: Readable) -> int:
        """Hold what is new in a batch until it is made durable; returns how many events that is."""
        if self.holds_nothing:
            self._look_again()
        starts = self._starts[batch.topic]
        rows = from_positions(readable.rows, starts)
        if batch.topic in self._archived:
            rows = self._archived[batch.topic].without(rows)
        rows = self._without_erased(batch.topic, rows)
        self._buffer.add(batch, rows)
        behind = [letter for letter in readable.letters if letter.offset >= starts.get(letter.partition, 0)]
        letters = self._letters_kept(batch.topic, behind)
        self._letters.send(letters)
        for letter in letters:
            self._metrics.dead.labels(batch.topic, letter.kind).inc()
        return rows.height

    def _look_again(self) -> None:
        """Read the tombstones; where they are not reached those of before do: what they lack cannot be archived."""
        try:
            self._erased = self._tombstones()
        except OSError as error:
            say(log, logging.WARNING, "tombstones are not reached", reason=str(error))

    def _without_erased(self, topic: str, rows: pl.DataFrame) -> pl.DataFrame:
        gone = self._erased.mask(rows, (self._topics[topic].archive.timestamp_column, ARRIVAL))
        if not gone.any():
            return rows
        self._metrics.erased.labels(topic).inc(int(gone.sum()))
        return rows.filter(~gone)

    def _letters_kept(self, topic: str, letters: list[DeadLetter]) -> list[DeadLetter]:
        timestamp = self._topics[topic].archive.timestamp_column
        kept = [x for x in letters if not is_gone(self._erased, x.key, x.value, timestamp)]
        self._metrics.erased.labels(topic).inc(len(letters) - len(kept))
        return kept

    @property
    def is_due(self) -> bool:
        """Whether it is time for `make_durable`."""
        return self._buffer.is_due()

    @property
    def holds_nothing(self) -> bool:
        """Whether all that was taken in is durable."""
        return self._buffer.is_empty

    def make_durable(self, commit: Callable[[Mapping[Partition, int]], object]) -> None:
        """Deliver the dead letters, write the archive files, then commit: in this order.

        Raises:
            NotDurableError: one of the first two failed; nothing is committed.
            OvertakenError: another worker has archived in the meantime; nothing is committed, and this term is over.
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

    def _archive(self, topic: str, rows: pl.DataFrame) -> None:
        try:
            files = self._topics[topic].archive.write(rows, number=self._numbers[topic])
        except OSError as error:
            raise NotDurableError(
                f"{rows.height} events of {topic!r} could not be archived: {error}; "
                "their offsets are not committed, a restart reads them again"
            ) from error
        self._numbers[topic] += 1
        self._metrics.archived_rows.labels(topic).inc(rows.height)
        self._metrics.archived_files.labels(topic).inc(len(files))
        say(log, logging.DEBUG, "archived", topic=topic, rows=rows.height, files=len(files))
