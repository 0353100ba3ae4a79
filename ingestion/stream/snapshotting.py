"""When snapshots are taken, and what becomes of them. A snapshot that fails never stops the stream: it costs time at a start."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager

from ingestion.stream.archive_index import ArchiveIndex
from ingestion.stream.group import StateGroup
from ingestion.stream.log import say
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.snapshot import SavedGroup, SavedUnit, Snapshot
from ingestion.stream.snapshots import SnapshotStore, Writing
from ingestion.stream.units import Unit

log = logging.getLogger(__name__)


class Snapshotter:
    """Takes snapshots of a worker's units.

    Args:
        store: Where they are kept.
        indexes: What the archive of each topic holds.
        threads: Where whatever takes long is done; what remains to be done on time is writing, by a forked child.
        every_seconds: How often one is due.
        monotonic: Seconds of a clock that never goes back.
        wall_us: The machine's clock, Unix microseconds.
        metrics: What is counted.
    """

    def __init__(
        self,
        store: SnapshotStore,
        indexes: Mapping[str, ArchiveIndex],
        *,
        threads: Executor,
        every_seconds: float,
        monotonic: Callable[[], float],
        wall_us: Callable[[], int],
        metrics: StreamMetrics,
    ) -> None:
        self._store = store
        self._indexes = indexes
        self._threads = threads
        self._every = every_seconds
        self._monotonic = monotonic
        self._wall_us = wall_us
        self._metrics = metrics
        self._begun = monotonic()
        self._prepared: Future[dict[str, bytes]] | None = None
        self._writing: Writing | None = None
        self._delivered: Future[int] | None = None
        self._writing_since_us = 0
        self._taken_us: int | None = None

    def step(self, groups: Iterable[StateGroup], shares: set[tuple[str, str, str]], *, at_rest: bool) -> None:
        """Do what is to be done now; returns at once.

        Args:
            groups: What is kept.
            shares: View, share and number of shares of everything that is served.
            at_rest: Whether the archive holds all that the groups have taken in, where it is this worker that archives.
        """
        if self._writing is not None:
            self._look_after(self._writing, shares)
        elif self._delivered is not None:
            self._look_after_delivery(self._delivered)
        elif self._prepared is None:
            if self._monotonic() - self._begun >= self._every:
                self._prepared = self._threads.submit(self._prepare)
        elif self._prepared.done() and at_rest:
            self._begin(self._prepared, groups)

    def save(self, groups: Iterable[StateGroup], units: Iterable[Unit], *, is_pushed: bool) -> None:
        """Keep these units for whoever has them next.

        Args:
            groups: Where they are.
            units: Which of them.
            is_pushed: Whether no rows of them are on their way to the online store.
        """
        self.abandon()
        known = {topic: index.saved() for topic, index in self._indexes.items()}
        snapshot = self._snapshot(groups, set(units), known, is_pushed=is_pushed)
        if not snapshot.groups:
            return
        with self._metrics.stage("snapshot"), self._failures():
            writing = self._store.write(snapshot)
            say(log, logging.INFO, "units are saved", snapshot=writing.name, seconds=writing.seconds)

    def abandon(self) -> None:
        """Stop writing, if something is being written."""
        if self._writing is not None:
            self._writing.kill()
            self._store.discard(self._writing.name)
            self._writing = None

    @property
    def is_busy(self) -> bool:
        """Whether a snapshot of some moment is on its way."""
        return self._writing is not None or self._delivered is not None

    def measure(self) -> None:
        """Bring the gauge of the age up to date."""
        if self._taken_us is not None:
            self._metrics.snapshot_age.set((self._wall_us() - self._taken_us) / 1e6)

    def _prepare(self) -> dict[str, bytes]:
        saved = {}
        for topic, index in self._indexes.items():
            index.refresh()
            saved[topic] = index.saved()
        return saved

    def _begin(self, prepared: "Future[dict[str, bytes]]", groups: Iterable[StateGroup]) -> None:
        self._prepared, self._begun = None, self._monotonic()
        with self._metrics.stage("snapshot"), self._failures():
            snapshot = self._snapshot(groups, None, prepared.result(), is_pushed=True)
            self._writing = self._store.begin(snapshot)
            self._writing_since_us = snapshot.taken_us

    def _look_after(self, writing: Writing, shares: set[tuple[str, str, str]]) -> None:
        failure = writing.ended()
        if failure is None:
            return
        self._writing = None
        if failure:
            self._failed(failure)
            return
        self._metrics.snapshot_seconds.set(writing.seconds)
        self._delivered = self._threads.submit(self._deliver, writing.name, shares)

    def _deliver(self, name: str, shares: set[tuple[str, str, str]]) -> int:
        size = self._store.deliver(name)
        self._store.prune(lambda key: key in shares or key in {(topic,) for topic in self._indexes})
        return size

    def _look_after_delivery(self, delivered: "Future[int]") -> None:
        if not delivered.done():
            return
        self._delivered = None
        with self._failures():
            size = delivered.result()
            self._taken_us = self._writing_since_us
            self._metrics.snapshot_bytes.set(size)
            say(log, logging.DEBUG, "snapshot", bytes=size)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001  # whatever a disk or a far store may raise, the stream goes on
            self._failed(f"{type(error).__name__}: {error}")

    def _failed(self, why: str) -> None:
        self._metrics.snapshot_failures.inc()
        say(log, logging.ERROR, "no snapshot: a restart folds more of the archive", reason=why)

    def _snapshot(
        self,
        groups: Iterable[StateGroup],
        units: set[Unit] | None,
        indexes: Mapping[str, bytes],
        *,
        is_pushed: bool,
    ) -> Snapshot:
        saved = [saved_group(group, units, is_pushed=is_pushed) for group in groups if group.is_settled]
        return Snapshot(self._wall_us(), [group for group in saved if group.units], indexes)


def saved_group(group: StateGroup, units: set[Unit] | None, *, is_pushed: bool) -> SavedGroup:
    """Views of the group's arrays, valid until it takes in the next batch.

    Args:
        group: What is saved.
        units: Which of its units; None: all.
        is_pushed: Whether no rows are on their way to the online store.
    """
    return SavedGroup(
        group.topic.name,
        group.topic_id,
        dict(group.positions),
        group.lateness.newest_us,
        [
            SavedUnit(
                unit,
                state.counted,
                state.anew,
                state.pushed_to if is_pushed else "",
                image=state.executor.image(),
            )
            for unit, state in group.units.items()
            if units is None or unit in units
        ],
        repeats=group.repeats.image(),
    )
