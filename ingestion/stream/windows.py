"""The windows of one topic: repeats are taken out once, then every view over the topic takes the batch in. Hot path."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from ingestion.archive import ARRIVAL
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.lateness import Lateness
from ingestion.windows.dedup import RepeatFilter
from ingestion.windows.incremental import IncrementalExecutor

_ARRIVAL_ORDER = [ARRIVAL, "_partition", "_offset"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch.

    Attributes:
        events: The rows that count, in arrival order.
        repeated: Rows whose event id had arrived before.
        late: Rows behind the watermark; they count.
        expired: Rows older than every window of a view, by view.
    """

    events: pl.DataFrame
    repeated: int
    late: int
    expired: dict[str, int]


class TopicWindows:
    """State of all views over one topic."""

    def __init__(self, topic: EventTopic) -> None:
        self._event_id = topic.contract.event_id
        self._repeats = RepeatFilter(topic.dedup_horizon_us)
        self.lateness = Lateness(topic.contract.timestamp_field, topic.lateness_us)
        self.views = {spec.name: IncrementalExecutor(spec) for spec in topic.specs}
        self.keys = {spec.name: spec.join_keys for spec in topic.specs}

    def update(self, rows: pl.DataFrame) -> Taken:
        """Take a batch in, in any order."""
        late = self.lateness.observe(rows)
        if not self.views:
            return Taken(rows, 0, late, {})
        ordered = rows.sort(_ARRIVAL_ORDER)
        counts = self._repeats.keep(ordered[self._event_id], ordered[ARRIVAL].to_physical().to_numpy())
        events = ordered if counts.all() else ordered.filter(pl.Series(counts))
        expired = {name: view.update(events).expired for name, view in self.views.items()}
        return Taken(events, rows.height - events.height, late, expired)

    def advance(self, now_us: int) -> None:
        """Pass all boundaries up to and including ``now_us``."""
        for view in self.views.values():
            view.advance(now_us)

    def take_changed(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """Name and rows of each view that has any: those that changed since the last call."""
        for name, view in self.views.items():
            rows = view.take_changed()
            if not rows.is_empty():
                yield name, rows

    def take_waiting(self, most: int) -> Iterator[tuple[str, pl.DataFrame]]:
        """Name and up to ``most`` rows of each view that has any: those that only a boundary changed."""
        for name, view in self.views.items():
            rows = view.take_waiting(most)
            if not rows.is_empty():
                yield name, rows
