"""What bounds the stream worker: each of its stages alone, over the same messages and rows."""

import time
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import polars as pl
from confluent_kafka import Consumer, Message

from ingestion.stores.push import push_rows
from ingestion.stream.catalogue import EventTopic
from ingestion.windows.incremental import IncrementalExecutor

READ_AT_ONCE = 10_000


@dataclass(frozen=True)
class Limits:
    """Events per second of each stage alone, and rows per second of the last."""

    consuming: float
    decoding: float
    windows: float
    writing: float
    rows_per_second: float


def measured(store: Any, topics: list[EventTopic], bootstrap: str, messages: int, batch: int) -> Limits:
    """Take all messages of the topics through each stage alone.

    Args:
        store: Feature store with our Redis store; the rows are written to it.
        topics: What is read.
        bootstrap: The broker.
        messages: How many are read of all topics together, or a few more.
        batch: Messages that a stage is given at once.
    """
    begin = time.perf_counter()
    read = _consumed(bootstrap, [topic.name for topic in topics], messages)
    consuming = time.perf_counter() - begin
    decoding, events = _decoded(topics, read, batch)
    windows, rows = _aggregated(topics, events)
    begin = time.perf_counter()
    for view, frame in rows:
        push_rows(store, view, frame)
    writing, count = time.perf_counter() - begin, sum(frame.height for _, frame in rows)
    rates = (len(read) / seconds for seconds in (consuming, decoding, windows, writing))
    return Limits(*rates, rows_per_second=count / writing)


def _consumed(bootstrap: str, topics: list[str], messages: int) -> list[Message]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"bare-{uuid.uuid4().hex}",
            "auto.offset.reset": "earliest",
            "queued.max.messages.kbytes": 262_144,
        }
    )
    consumer.subscribe(topics)
    read: list[Message] = []
    while len(read) < messages:
        read += consumer.consume(READ_AT_ONCE, timeout=0.2)
    consumer.close()
    return read


def _decoded(
    topics: list[EventTopic], read: list[Message], batch: int
) -> tuple[float, list[dict[str, pl.DataFrame]]]:
    """Seconds, and the events of each batch by topic."""
    batches = []
    for start in range(0, len(read), batch):
        portion = defaultdict(list)
        for message in read[start : start + batch]:
            portion[message.topic()].append(message)
        batches.append(
            {
                topic: ([m.value() for m in messages], [m.timestamp()[1] * 1000 for m in messages])
                for topic, messages in portion.items()
            }
        )
    contracts = {topic.name: topic.contract for topic in topics}
    begin = time.perf_counter()
    events = [
        {topic: contracts[topic].decode(*content).frame for topic, content in portion.items()}
        for portion in batches
    ]
    return time.perf_counter() - begin, events


def _aggregated(
    topics: list[EventTopic], events: list[dict[str, pl.DataFrame]]
) -> tuple[float, list[tuple[str, pl.DataFrame]]]:
    """Seconds, and the rows of each view after each batch."""
    views = [(topic.name, spec.name, IncrementalExecutor(spec)) for topic in topics for spec in topic.specs]
    rows = []
    begin = time.perf_counter()
    for portion in events:
        for topic, view, executor in views:
            if topic in portion:
                executor.update(portion[topic])
                rows.append((view, executor.take_changed()))
    return time.perf_counter() - begin, rows
