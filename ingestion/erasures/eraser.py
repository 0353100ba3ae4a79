"""Carries out requests to erase somebody, in the order that `ingestion.erasures` tells."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event
from typing import Final, TypeVar

from ingestion.erasures.batch import Batch
from ingestion.erasures.desk import Desk
from ingestion.erasures.kept import Erasures
from ingestion.erasures.places import Files, Letters, Online
from ingestion.erasures.quotes import Quarantine, Reports
from ingestion.erasures.stopped import StoppedError
from ingestion.folder_lock import FolderInUseError
from ingestion.stream import acknowledging
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.log import say
from ingestion.stream.snapshots import SnapshotStore

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")
_TRANSIENT: Final = (FolderInUseError, OSError)
"""What passes: somebody joins files, a file was replaced meanwhile, Redis or a far folder is away, a disk is full."""


@dataclass(frozen=True)
class Means:
    """What an eraser works with.

    Attributes:
        desk: Where requests come from and receipts go.
        erasures: Where tombstones are kept.
        topics: The event topics as they are registered now, and as tombstones have them.
        files: Archives, tables, prediction log.
        online: The online store.
        letters: Dead letters.
        reports: What quotes rows of people.
        quarantine: Rows that broke an expectation.
        snapshots: Of the stream workers.
        group: Consumer group of the stream workers.
        predictions_topic: Topic of the prediction log.
        now: The clock.
        stop: Set to end it.
    """

    desk: Desk
    erasures: Erasures
    topics: Callable[[], list[EventTopic]]
    files: Files
    online: Online
    letters: Letters
    reports: Reports
    quarantine: Quarantine
    snapshots: SnapshotStore
    group: str
    predictions_topic: str
    now: Callable[[], datetime]
    stop: Event


class Eraser:
    """Each step may be repeated: what an earlier attempt has done is found done.

    Args:
        means: What it works with.
        every_seconds: How often something that is waited for is looked at.
        is_over: Whether it is waited no longer.
    """

    def __init__(self, means: Means, every_seconds: float, is_over: Callable[[], bool]) -> None:
        self._means = means
        self._every = every_seconds
        self._is_over = is_over

    def run(self) -> int:
        """Carry out what is asked for now; returns how many requests that were.

        Raises:
            StoppedError: it was told to end before everything was done; the rest is done next time.
            KafkaUnreachableError: the broker does not answer in time.
        """
        means, pending = self._means, self._means.desk.pending()
        if not pending:
            return 0
        batch = Batch(pending.values(), means.desk.tell, means.now)
        say(log, logging.INFO, "erasing", people=len(batch.ends_us), requests=len(pending))
        for person, end_us in batch.ends_us.items():
            means.erasures.bury(person, end_us)
        batch.begin()
        means.files.fence()
        self._stream_state(batch)
        self._snapshots(batch)
        self._files(batch)
        self._online_store(batch)
        batch.done("dead_letters", "letters", means.letters.delete(batch.ends_us))
        self._quotes(batch)
        topics = [topic.name for topic in means.topics() if topic.erased.version]
        batch.finish(means.desk.keeps_until([*topics, means.predictions_topic], means.now()))
        means.desk.forget(max(pending))
        say(log, logging.INFO, "erased", people=len(batch.ends_us), requests=len(pending))
        return len(pending)

    def _stream_state(self, batch: Batch) -> None:
        means = self._means
        while True:
            topics = means.topics()
            missing = acknowledging.missing(means.erasures.acknowledged(), means.group, topics)
            if not missing:
                break
            batch.waits("stream_state", f"stream workers compute anew: {', '.join(missing)}")
            self._pause()
        views = sum(len(topic.specs) for topic in topics if topic.erased.version)
        batch.done("stream_state", "views computed anew", dict.fromkeys(batch.ends_us, views))

    def _snapshots(self, batch: Batch) -> None:
        means, topics = self._means, self._means.topics()
        current = {(spec.name, topic.definition_of(spec)) for topic in topics for spec in topic.specs}
        since = min(request.requested_us for request in batch.requests) / 1e6
        deleted = means.snapshots.keep_only(lambda unit: (unit.view, unit.definition) in current, since)
        definitions = {definition for _, definition in current}
        told = means.erasures.acknowledged()
        means.erasures.forget(name for name in told if name.split("~", 4)[-1] not in definitions)
        batch.done("snapshots", "snapshots", dict.fromkeys(batch.ends_us, deleted))

    def _files(self, batch: Batch) -> None:
        files, ends = self._means.files, batch.ends_us
        counts = {
            "archive": self._patiently(lambda: files.leave_out_of_archives(ends)),
            "tables": self._patiently(lambda: files.leave_out_of_tables(ends)),
            "prediction_log": self._patiently(lambda: files.leave_out_of_predictions(ends)),
        }
        while left := self._patiently(files.replaced):
            for place in counts:
                batch.waits(place, "replaced files are kept for readers that have listed them")
            say(log, logging.DEBUG, "replaced files wait to be deleted", files=left)
            self._pause()
        for place, taken in counts.items():
            batch.done(place, "rows", taken)

    def _online_store(self, batch: Batch) -> None:
        means, ends = self._means, batch.ends_us
        back = means.files.is_back(ends)
        batch.done("online_store", "rows", self._patiently(lambda: means.online.delete(ends, back)))

    def _quotes(self, batch: Batch) -> None:
        """Behind the archives: what is checked from then on quotes nobody who is gone."""
        means, ends = self._means, batch.ends_us
        batch.done("reports", "files", self._patiently(lambda: means.reports.leave_out(ends)))
        batch.done("quarantine", "rows", self._patiently(lambda: means.quarantine.leave_out(ends)))

    def _patiently(self, act: Callable[[], Answer]) -> Answer:
        while True:
            try:
                return act()
            except _TRANSIENT as error:
                say(log, logging.WARNING, "once more", reason=str(error))
                self._pause()

    def _pause(self) -> None:
        if self._means.stop.wait(self._every) or self._is_over():
            raise StoppedError
