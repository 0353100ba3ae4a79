"""The peer of the stream benchmark: the same features as a plain Python loop per event, pushed by stock Feast.

What one writes without an engine: a dict of recent events per entity and view, each feature evaluated by going through
them, and `FeatureStore.push` every thousand events. It checks nothing, archives nothing and refreshes nothing at boundaries.
"""

import json
import statistics
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from feast import FeatureStore

from ingestion.windows.spec import ViewSpec

PUSH_EVERY = 1_000

_FUNCTIONS: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "count": len,
    "mean": lambda values: sum(values) / len(values) if values else None,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "std": lambda values: statistics.stdev(values) if len(values) > 1 else None,
    "count_distinct": lambda values: len(set(values)),
    "last": lambda values: values[-1] if values else None,
}

Key = tuple[str, ...]


@dataclass
class PlainView:
    """State of one view: the events of each entity within the longest window."""

    spec: ViewSpec
    events: dict[Key, deque[tuple[int, dict[str, Any]]]] = field(default_factory=dict)
    changed: dict[Key, int] = field(default_factory=dict)

    def add(self, time_us: int, event: dict[str, Any]) -> None:
        """Take one event in."""
        key = tuple(event[name] for name in self.spec.join_keys)
        events = self.events.setdefault(key, deque())
        events.append((time_us, event))
        while events[0][0] < time_us - self.spec.longest_us:
            events.popleft()
        self.changed[key] = time_us + 1

    def rows(self) -> pd.DataFrame:
        """Rows of the entities that changed since the last call."""
        rows = [self._row(key, clock_us) for key, clock_us in self.changed.items()]
        self.changed.clear()
        return pd.DataFrame(rows)

    def _row(self, key: Key, clock_us: int) -> dict[str, Any]:
        row: dict[str, Any] = dict(zip(self.spec.join_keys, key, strict=True))
        row["event_timestamp"] = row["arrival_timestamp"] = datetime.fromtimestamp(clock_us / 1e6, UTC)
        for feature in self.spec.features:
            start = feature.window_start(clock_us)
            values = [e[feature.column] for t, e in self.events[key] if start <= t < clock_us]
            row[feature.name] = _FUNCTIONS[feature.function](values)
        return row


def run(
    store: FeatureStore, views: dict[str, Sequence[ViewSpec]], messages: Iterable[tuple[str, bytes]]
) -> None:
    """Take messages (topic, value) through state and pushes."""
    states = {topic: [PlainView(spec) for spec in specs] for topic, specs in views.items()}
    for count, (topic, value) in enumerate(messages, start=1):
        event = json.loads(value)
        time_us = round(datetime.fromisoformat(event["event_timestamp"]).timestamp() * 1e6)
        for view in states[topic]:
            view.add(time_us, event)
        if count % PUSH_EVERY == 0:
            _push(store, states)
    _push(store, states)


def _push(store: FeatureStore, states: dict[str, list[PlainView]]) -> None:
    for view in (view for views in states.values() for view in views if view.changed):
        store.push(f"{view.spec.name}_push", view.rows())
