"""The stages behind the poll, composed: what one worker does with what it has read. Hot path.

Knows neither Kafka nor Redis nor Feast: they come in as a lead with its letter box, and as a sink.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import polars as pl

from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock
from ingestion.stream.decoding import Readable, decode
from ingestion.stream.group import StateGroup, Taken, UnitState, joined
from ingestion.stream.lead import Lead
from ingestion.stream.messages import TopicBatch
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.positions import of_topic
from ingestion.stream.sink import Pusher
from ingestion.stream.units import Unit


class Pipeline:
    """The units of a worker that go with the stream, and the lead while it has it.

    Attributes:
        lead: Keeps messages, while this worker leads.
        is_pushing: Whether rows are on their way that no unit knows of any more.

    Args:
        topics: What is read, by topic.
        sink: The online store.
        clock: What moves the windows.
        wall_us: The machine's clock, Unix microseconds.
        metrics: What is counted.
        boundary_rows: Most rows of windows that lost a tile pushed at once.
    """

    def __init__(
        self,
        topics: Mapping[str, EventTopic],
        *,
        sink: Pusher,
        clock: Clock,
        wall_us: Callable[[], int],
        metrics: StreamMetrics,
        boundary_rows: int,
    ) -> None:
        self._topics = topics
        self._groups: dict[str, list[StateGroup]] = {topic: [] for topic in topics}
        self._sink = sink
        self._clock = clock
        self._wall_us = wall_us
        self._metrics = metrics
        self._boundary_rows = boundary_rows
        self.lead: Lead | None = None
        self.is_pushing = False

    @property
    def groups(self) -> Iterator[StateGroup]:
        """All groups of units."""
        return (group for groups in self._groups.values() for group in groups)

    @property
    def units(self) -> dict[Unit, UnitState]:
        """All units."""
        return {unit: state for group in self.groups for unit, state in group.units.items()}

    @property
    def topics(self) -> set[str]:
        """Topics over which there are units."""
        return {topic for topic, groups in self._groups.items() if groups}

    @property
    def waiting(self) -> int:
        """Rows that wait to be pushed."""
        return sum(state.executor.waiting for group in self.groups for state in group.units.values())

    def add(self, group: StateGroup) -> None:
        """Let units go with the stream; one that has the place of an older definition takes it.

        They pass the boundaries up to now before they take anything in: whoever kept them before may have pushed rows as of
        then, and an older row would not replace those. For that reason rows of entities that have lost events are removed.
        """
        if group.lateness.newest_us is not None:
            self._clock.observe(group.lateness.newest_us)
        now_us = self._clock.now_us()
        if now_us is not None:
            group.advance(now_us)
        for view, keys in group.take_bereft():
            self._sink.remove(view, keys)
        self.drop(lambda unit: any(fresh.replaces(unit) for fresh in group.units))
        groups = self._groups[group.topic.name]
        groups.append(group)
        groups[:] = joined(groups)

    def drop(self, is_lost: Callable[[Unit], bool]) -> None:
        """Forget units, and what is counted of views of which none is left."""
        before = {unit.view for unit in self.units}
        for groups in self._groups.values():
            for group in groups:
                group.drop(is_lost)
            groups[:] = joined(groups)
        for view in before - {unit.view for unit in self.units}:
            self._metrics.forget(view)

    def take_in(self, batches: Iterable[TopicBatch]) -> None:
        """Take messages through all stages up to the online store; they are not durable yet."""
        taken = [(batch.topic, self._take_batch(batch)) for batch in batches]
        pushed_us = [self._push_changed(topic) for topic, _ in taken]
        now_us = self._wall_us()
        for (topic, part), at_us in zip(taken, pushed_us, strict=True):
            if part is not None:
                self._observe_freshness(topic, part, at_us, now_us)

    def pass_boundaries(self) -> None:
        """Let windows lose their tiles up to now, and push a portion of the rows that wait."""
        now_us = self._clock.now_us()
        if now_us is not None:
            with self._metrics.stage("boundaries"):
                for group in self.groups:
                    group.advance(now_us)
        self._push_waiting(self._boundary_rows)

    def await_all(self, identity: str) -> int:
        """Let every row wait of units that were pushed to another store than this one; returns how many units."""
        owing = [state for state in self.units.values() if state.pushed_to != identity]
        for state in owing:
            state.executor.await_all()
            state.pushed_to = identity
        return len(owing)

    def owe_all(self) -> None:
        """Rows that were on their way are lost: no store has been given everything."""
        for state in self.units.values():
            state.pushed_to = ""
        self.is_pushing = False

    def measure(self) -> None:
        """Bring the gauges up to date."""
        totals: dict[str, list[int]] = {}
        for group in self.groups:
            if group.lateness.watermark_us is not None:
                self._metrics.watermark.labels(group.topic.name).set(group.lateness.watermark_us / 1e6)
            for unit, state in group.units.items():
                view, executor = totals.setdefault(unit.view, [0, 0, 0]), state.executor
                view[:] = [view[0] + executor.keys, view[1] + executor.nbytes, view[2] + executor.waiting]
        for name, (keys, size, waiting) in totals.items():
            self._metrics.keys.labels(name).set(keys)
            self._metrics.bytes.labels(name).set(size)
            self._metrics.pending.labels(name).set(waiting)
        self._metrics.units.set(len(self.units))

    def _take_batch(self, batch: TopicBatch) -> Taken | None:
        """What became of the batch in the first of the topic's groups; the others are behind it or ahead."""
        topic, metrics = self._topics[batch.topic], self._metrics
        if self.lead is None and not self._groups[batch.topic]:
            return None
        with metrics.stage("decode"):
            readable = decode(batch, topic.contract)
        kept = None if self.lead is None else self.lead.take_in(batch, readable)
        with metrics.stage("windows"):
            results = self._update(self._groups[batch.topic], batch, readable)
        taken = results[0] if results else None
        metrics.consumed.labels(batch.topic).inc(len(batch))
        if taken is not None:
            metrics.late.labels(batch.topic).inc(taken.late)
            metrics.repeated.labels(batch.topic).inc(taken.repeated)
            kept = taken.events.height + taken.repeated if kept is None else kept
        metrics.valid.labels(batch.topic).inc(kept or 0)
        return taken

    def _update(self, groups: list[StateGroup], batch: TopicBatch, readable: Readable) -> list[Taken]:
        ends = of_topic(batch.topic, batch.next_offsets())
        results = [group.take_in(readable.rows, ends) for group in groups]
        if len(groups) > 1:
            groups[:] = joined(groups)
        for group in groups:
            if group.lateness.newest_us is not None:
                self._clock.observe(group.lateness.newest_us)
        for result in results:
            for view, expired in result.expired.items():
                self._metrics.expired.labels(view).inc(expired)
        return results

    def _observe_freshness(self, topic: str, part: Taken, pushed_us: Mapping[str, int], now_us: int) -> None:
        watermark_us = next((group.lateness.watermark_us for group in self._groups[topic]), None)
        if watermark_us is not None:
            times = self._topics[topic].contract.timestamp_field
            self._metrics.readable(part.events, times, watermark_us, pushed_us, now_us)

    def _push_changed(self, topic: str) -> dict[str, int]:
        """When each view that changed could be read."""
        with self._metrics.stage("evaluate"):
            changed = [rows for group in self._groups[topic] for rows in group.take_changed()]
        return self._push(changed)

    def _push_waiting(self, most: int) -> None:
        """A portion of the rows that wait, of one unit after the other."""
        left, rows = most, list[tuple[str, pl.DataFrame]]()
        for unit, state in self.units.items():
            if left > 0 and state.executor.waiting:
                taken = state.executor.take_waiting(left)
                rows.append((unit.view, taken))
                left -= taken.height
        self._push(rows)

    def _push(self, changed: Sequence[tuple[str, pl.DataFrame]]) -> dict[str, int]:
        """Nobody knows of these rows but we: who is interrupted here owes them all. By view, when its rows were written."""
        self.is_pushing = True
        pushed_us = {}
        for view, rows in changed:
            with self._metrics.stage("push"):
                self._sink.push(view, rows)
            self._metrics.pushed.labels(view).inc(rows.height)
            pushed_us[view] = self._wall_us()
        self.is_pushing = False
        return pushed_us
