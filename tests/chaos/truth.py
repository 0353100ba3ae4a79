"""What must be so after the storm: archive, dead letters and Redis against Kafka's own log and the oracle."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from confluent_kafka import Consumer, TopicPartition
from feast import FeatureStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_python_type

from ingestion.archive import Archive
from ingestion.stream.ledger import Entry
from ingestion.windows.spec import ViewSpec
from tests import oracle
from tests.chaos.load import SECOND, micros
from tests.oracle import Event

Key = tuple[str, ...]
Position = tuple[str, int, int]

SHOWN_EVENTS = 12


@dataclass(frozen=True)
class Logged:
    """A message as Kafka keeps it.

    Attributes:
        position: Topic, partition, offset.
        arrival_us: Kafka's timestamp, microseconds since the Unix epoch.
        value: Its bytes.
        headers: Its headers.
        key: Its key.
    """

    position: Position
    arrival_us: int
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] | None
    key: bytes | None


Broken = Callable[[Logged], bool]
"""Whether a message breaks its contract."""


def ends(bootstrap: str, topics: Iterable[str]) -> dict[tuple[str, int], int]:
    """Offset behind the last message of every partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "ends"})
    try:
        places = [
            TopicPartition(topic, number)
            for topic in topics
            for number in consumer.list_topics(topic, timeout=30).topics[topic].partitions
        ]
        return {(p.topic, p.partition): consumer.get_watermark_offsets(p, timeout=30)[1] for p in places}
    finally:
        consumer.close()


def committed(bootstrap: str, group: str, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """What the group has committed; a negative number where it has not."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    try:
        known = consumer.committed([TopicPartition(*place) for place in places], timeout=30)
        return {(p.topic, p.partition): p.offset for p in known}
    finally:
        consumer.close()


def log_of(bootstrap: str, topic: str) -> list[Logged]:
    """Everything that is on a topic now."""
    left = {place: end for place, end in ends(bootstrap, [topic]).items() if end > 0}
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False})
    consumer.assign([TopicPartition(*place, 0) for place in left])
    read: list[Logged] = []
    deadline = time.monotonic() + 60
    while left:
        assert time.monotonic() < deadline, f"{topic} could not be read to its end: {left}"
        for m in consumer.consume(5_000, 0.5):
            assert m.error() is None, m.error()
            place = (m.topic(), m.partition())
            read.append(
                Logged((*place, m.offset()), m.timestamp()[1] * 1000, m.value(), m.headers(), m.key())
            )
            if m.offset() + 1 >= left.get(place, 0):
                left.pop(place, None)
    consumer.close()
    return read


def archive_faults(archive: Archive, logged: Iterable[Logged], broken: Broken) -> list[str]:
    """Where the archive does not hold each valid message exactly once, by its position."""
    due = Counter(m.position for m in logged if not broken(m))
    columns = ["_topic", "_partition", "_offset"]
    rows = archive.scan(None, None).select(columns).collect() if archive.days() else pl.DataFrame()
    return _unequal("archive", due, Counter(rows.iter_rows()))


def letter_faults(letters: Iterable[Logged], logged: Iterable[Logged], broken: Broken) -> list[str]:
    """Where the dead letters are not exactly the broken messages; one that was written twice counts once, by its origin."""
    due = Counter(m.position for m in logged if broken(m))
    entries = [Entry.of(m.headers, m.key, m.value) for m in letters]
    read = {entry.letter for entry in entries if not entry.is_mark}
    return _unequal("dead letters", due, Counter((x.topic, x.partition, x.offset) for x in read))


def _unequal(what: str, due: Counter[Position], there: Counter[Position]) -> list[str]:
    lost, doubled = sorted((due - there).elements()), sorted((there - due).elements())
    return [f"{what}: lost {lost[:5]} ({len(lost)} in all)"] * bool(lost) + [
        f"{what}: too much {doubled[:5]} ({len(doubled)} in all)"
    ] * bool(doubled)


@dataclass(frozen=True)
class Read:
    """What was read of an entity in Redis.

    Attributes:
        now_us: When it was asked for.
        at_us: The row's own timestamp; 0 where there is no row.
        values: Its values; empty where there is no row.
    """

    now_us: int
    at_us: int
    values: Mapping[str, Any]


class ViewTruth:
    """What one view must serve, as the log of its topic says.

    Attributes:
        spec: The view.
        keys: Every entity that ever had an event that counts.

    Args:
        spec: The view.
        logged: Its topic's messages.
        broken: Which of them do not count.
    """

    def __init__(self, spec: ViewSpec, logged: Iterable[Logged], broken: Broken) -> None:
        self.spec = spec
        self._events: dict[Key, list[Event]] = defaultdict(list)
        valid = (m for m in logged if not broken(m))
        events = [_event(spec, m) for m in sorted(valid, key=lambda m: m.position)]
        for event in oracle.first_arrivals(events, spec.dedup_horizon_us):
            self._events[event.key].append(event)
        self.keys = sorted(self._events)

    def fault(self, key: Key, row: Read) -> str:
        """How a row differs from the value at its own timestamp and when it was read; empty: not at all."""
        now = self._row(key, row.now_us)
        if not row.values:
            is_empty = not self.spec_differences(now, self._row(("",), row.now_us))
            return "" if is_empty else f"is missing, should be {now}"
        then = self.spec_differences(row.values, self._row(key, row.at_us, as_known=False))
        still = self.spec_differences(row.values, now)
        return " and ".join(
            [f"at its own timestamp (ours, truth): {then}"] * bool(then)
            + [f"now (ours, truth): {still}"] * bool(still)
        )

    def told(self, key: Key) -> str:
        """The last events of an entity."""
        lines = [f"    time {e.time} arrival {e.arrival} {e.event_id} {e.values}" for e in self._events[key]]
        return "\n".join(lines[-SHOWN_EVENTS:])

    def spec_differences(self, ours: Mapping[str, Any], truth: Mapping[str, Any]) -> dict[str, Any]:
        return oracle.differences(self.spec, dict(ours), dict(truth))

    def _row(self, key: Key, at_us: int, *, as_known: bool = True) -> dict[str, Any]:
        events = self._events.get(key, [])
        return {f.name: oracle.value(f, events, key, at_us, as_known=as_known) for f in self.spec.features}


def _event(spec: ViewSpec, message: Logged) -> Event:
    fields = json.loads(message.value or b"")
    time_us = micros(fields["event_timestamp"])
    key = tuple(fields[name] for name in spec.join_keys)
    values = {feature.column: fields.get(feature.column) for feature in spec.features}
    return Event(key, time_us, max(message.arrival_us, time_us), fields[spec.event_id_column], values)


def rows_of(store: FeatureStore, spec: ViewSpec, keys: Iterable[Key]) -> dict[Key, Read]:
    """What Redis holds for each entity."""
    view = store.get_stream_feature_view(spec.name)
    asked = {
        key: EntityKey(join_keys=spec.join_keys, entity_values=[Value(string_val=part) for part in key])
        for key in keys
    }
    now_us = time.time_ns() // 1000
    found = store.provider.online_store.online_read(store.config, view, list(asked.values()))
    return {key: _read(now_us, *stored) for key, stored in zip(asked, found, strict=True)}


def _read(now_us: int, at: Any, values: Mapping[str, Value] | None) -> Read:
    if at is None or values is None:
        return Read(now_us, 0, {})
    python = {name: feast_value_type_to_python_type(value) for name, value in values.items()}
    return Read(now_us, round(at.timestamp() * SECOND), python)
