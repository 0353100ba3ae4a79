"""The peer of the stream benchmark: the same features with Quix Streams, pushed by stock Feast in batches of 1,000.

As its documentation recommends: a window per duration with all its aggregations in one pass, results for every message,
state in RocksDB on the local disk, products regrouped through a topic, events archived by Quix's own parquet sink. Like a
row of ours a pushed row has the fullest window that contains the entity's newest event; it is written by Feast's own
Redis store. The peer checks no contract, counts repeats twice, refreshes nothing at boundaries, and
has its changelog topics off, which is faster: it could not recover on another machine.

Runs in ``.venv-bench`` without a line of ours: ``python quix_peer.py BOOTSTRAP REPO FOLDER TOPIC_PREFIX``; prints JSON.
"""

import json
import logging
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from feast import FeatureStore, KafkaSource, StreamFeatureView
from quixstreams import Application
from quixstreams.dataframe import StreamingDataFrame
from quixstreams.dataframe.windows import Count, Latest, Max, Mean, Sum
from quixstreams.dataframe.windows.aggregations import Aggregator
from quixstreams.sinks.base import BaseSink
from quixstreams.sinks.community.file.local import LocalFileSink

BATCH_ROWS = 1_000
IDLE_SECONDS = 5.0
MESSAGE_KEY = "user_id"


class CountDistinct(Aggregator):
    """Distinct values of a column; Quix has none of its own, and keeps states as JSON."""

    def initialize(self) -> dict[str, int]:
        return {}

    def agg(self, old: dict[str, int], new: dict[str, Any], timestamp: int) -> dict[str, int]:  # noqa: ARG002
        return {**old, new[self.column]: 1}

    def result(self, value: dict[str, int]) -> int:
        return len(value)


AGGREGATORS = {
    "count": Count,
    "sum": Sum,
    "mean": Mean,
    "max": Max,
    "last": Latest,
    "count_distinct": CountDistinct,
}


class Archive(LocalFileSink):
    """Counts what Quix's sink writes."""

    first_at = 0.0
    events = 0

    def add(self, *args: Any, **named: Any) -> None:
        self.first_at = self.first_at or time.perf_counter()
        self.events += 1
        super().add(*args, **named)


class Rows(BaseSink):
    """The row of each entity of a view; pushes those that changed, a thousand at a time and the rest at each commit."""

    def __init__(self, store: FeatureStore, view: StreamFeatureView) -> None:
        super().__init__()
        self._store = store
        self._name, self._key = view.name, view.join_keys[0]
        self._features = {aggregation.name for aggregation in view.aggregations}
        self._rows: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self._changed: set[str] = set()
        self.pushed = 0
        self.last_at = 0.0
        self.flush_seconds = 0.0

    def add(self, value: dict[str, Any], key: str, *_: Any, **__: Any) -> None:
        """Take the features of one window of an entity."""
        self.last_at = time.perf_counter()
        row = self._rows[key]
        row.update(value)
        if row.keys() >= self._features:
            self._changed.add(key)
        if len(self._changed) >= BATCH_ROWS:
            self._push()

    def flush(self) -> None:
        """Push what waits; Quix commits behind it."""
        begin = time.perf_counter()
        if self._changed:
            self._push()
            self.flush_seconds = time.perf_counter() - begin

    def _push(self) -> None:
        now = datetime.now(UTC)
        rows = [
            {**self._rows[key], self._key: key, "event_timestamp": now, "arrival_timestamp": now}
            for key in self._changed
        ]
        self._store.push(f"{self._name}_push", pd.DataFrame(rows).drop(columns=["start", "end"]))
        self.pushed += len(rows)
        self._changed.clear()


def run(bootstrap: str, repo: str, folder: str, prefix: str) -> None:
    """Read the topics to their end; print how many events took how many seconds."""
    warnings.simplefilter("ignore")
    store = FeatureStore(repo_path=repo, fs_yaml_file=Path(repo) / "peer.yaml")
    app = Application(
        bootstrap,
        consumer_group=f"{prefix}quix",
        auto_offset_reset="earliest",
        state_dir=f"{folder}/state",
        loglevel=logging.WARNING,
        use_changelog_topics=False,
    )
    views = store.list_stream_feature_views()
    rows, archives = [], []
    for source in (source for source in store.list_data_sources() if isinstance(source, KafkaSource)):
        topic = app.topic(prefix + source.name, key_deserializer="str", timestamp_extractor=event_ms(source))
        events = app.dataframe(topic)
        archives.append(Archive(directory=f"{folder}/archive", format="parquet"))
        events.sink(archives[-1])
        for view in (view for view in views if view.tags["event_source"] == source.name):
            rows.append(Rows(store, view))
            add_windows(events, view, rows[-1])
    app.run(timeout=IDLE_SECONDS, collect=False)
    # The last rows wait for the next commit; of that only the pushing itself counts.
    begin, end = min(archive.first_at for archive in archives), max(view.last_at for view in rows)
    figures = {
        "events": sum(archive.events for archive in archives),
        "seconds": end - begin + sum(view.flush_seconds for view in rows),
        "rows": sum(view.pushed for view in rows),
    }
    print(json.dumps(figures))


def event_ms(source: KafkaSource) -> Callable[..., int]:
    """Reads the event time of a message, milliseconds."""

    def read(value: dict[str, Any], *_: Any) -> int:
        return int(datetime.fromisoformat(value[source.timestamp_field]).timestamp() * 1000)

    return read


def add_windows(events: StreamingDataFrame, view: StreamFeatureView, sink: Rows) -> None:
    """Let each duration of a view be aggregated in one pass."""
    (key,) = view.join_keys
    grouped = (
        events if key == MESSAGE_KEY else events.group_by(key, key_deserializer="str", key_serializer="str")
    )
    newest: defaultdict[str, int] = defaultdict(int)

    def remember(_value: Any, key: str, timestamp_ms: int, _headers: Any) -> None:
        newest[key] = max(newest[key], timestamp_ms)

    grouped = grouped.update(remember, metadata=True)
    durations: defaultdict[tuple[timedelta, timedelta], list[Any]] = defaultdict(list)
    for aggregation in view.aggregations:
        durations[aggregation.time_window, aggregation.slide_interval].append(aggregation)
    for (window, hop), aggregations in durations.items():
        columns = {a.name: AGGREGATORS[a.function](a.column) for a in aggregations}
        name = f"{view.name}_{int(window.total_seconds())}"
        results = (
            grouped.hopping_window(window, hop, name=name, on_late=lambda *_: False).agg(**columns).current()
        )
        results.filter(is_fullest(window, hop, newest), metadata=True).sink(sink)


def is_fullest(window: timedelta, hop: timedelta, newest: dict[str, int]) -> Callable[..., bool]:
    """Of the windows that contain an entity's newest event, the one that began first."""
    window_ms, hop_ms = (int(duration.total_seconds() * 1000) for duration in (window, hop))

    def decide(value: dict[str, Any], key: str, _start_ms: int, _headers: Any) -> bool:
        return value["start"] == (newest[key] // hop_ms + 1) * hop_ms - window_ms

    return decide


if __name__ == "__main__":
    run(*sys.argv[1:])
