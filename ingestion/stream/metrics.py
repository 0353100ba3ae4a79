"""What the worker counts, for Prometheus.

Imported before Feast: Feast's own metrics switch prometheus_client into multiprocess mode, which holds values in files,
for whoever imports it later.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import polars as pl
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary

from ingestion.archive import ARRIVAL
from ingestion.stream.freshness import ArrayHistogram
from ingestion.stream.messages import Partition


class StreamMetrics:
    """All metrics of one worker, in a Prometheus registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter, gauge = self._counter, self._gauge
        self.consumed = counter("messages_consumed", "Messages read.", "topic")
        self.valid = counter("events_valid", "Messages that kept their contract.", "topic")
        self.dead = counter("dead_letters", "Messages put aside, by kind of reason.", "topic", "kind")
        self.repeated = counter("events_repeated", "Events whose id had arrived before.", "topic")
        self.erased = counter(
            "events_erased", "Messages of people who were erased, of before that; they are not kept.", "topic"
        )
        self.late = counter("events_late", "Events behind the watermark; they count.", "topic")
        self.expired = counter("events_expired", "Events older than every window of a view.", "view")
        self.pushed = counter("rows_pushed", "Rows written to the online store.", "view")
        self.archived_rows = counter("archive_rows", "Rows written to the archive.", "topic")
        self.archived_files = counter("archive_files", "Files written to the archive.", "topic")
        self.lag = gauge("consumer_lag_messages", "Messages not read yet.", "topic", "partition")
        self.watermark = gauge(
            "watermark_seconds", "Event time up to which events are believed seen, Unix time.", "topic"
        )
        self.keys = gauge("state_keys", "Entities with something in a window.", "view")
        self.bytes = gauge("state_bytes", "Memory of the windows' arrays.", "view")
        self.pending = gauge(
            "boundary_rows_pending", "Rows of windows that lost a tile, not pushed yet.", "view"
        )
        self.units = gauge("units", "Shares of views whose windows this worker keeps.")
        self.ready = gauge("ready", "1 while events are read.")
        self.leads = gauge("leads", "1 while this worker is the one of its group that archives and commits.")
        self.snapshot_age = gauge(
            "snapshot_age_seconds", "Since the state was taken that a restart begins with."
        )
        self.snapshot_seconds = gauge(
            "snapshot_seconds", "How long the last snapshot took, beside the stream."
        )
        self.snapshot_bytes = gauge("snapshot_bytes", "Size of the last snapshot.")
        self.snapshot_failures = counter("snapshot_failures", "Snapshots that could not be written.")
        self.batch = Histogram(
            "shop_stream_batch_messages",
            "Messages taken at once.",
            registry=self.registry,
            buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000),
        )
        self.stages = Summary(
            "shop_stream_stage_seconds", "Time spent, by stage.", ["stage"], registry=self.registry
        )
        self.stage_cpu = counter(
            "stage_cpu_seconds",
            "CPU spent by the thread that works, by stage; the rest of the time it waited.",
            "stage",
        )
        self.freshness = ArrayHistogram(
            "shop_stream_freshness_seconds",
            "Event time to readable in the online store; without late events.",
            "view",
        )
        self.latency = ArrayHistogram(
            "shop_stream_latency_seconds", "Arrival in Kafka to readable in the online store."
        )
        self.registry.register(self.freshness)
        self.registry.register(self.latency)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"shop_stream_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"shop_stream_{name}", text, labels, registry=self.registry)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time and the CPU spent inside to a stage."""
        begin, worked = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.stage_cpu.labels(name).inc(time.thread_time() - worked)
            self.stages.labels(name).observe(time.perf_counter() - begin)

    def readable(
        self, events: pl.DataFrame, times: str, watermark_us: int, pushed_us: Mapping[str, int], now_us: int
    ) -> None:
        """The features of these events can be read now.

        Args:
            events: Rows that count.
            times: Column of their event time.
            watermark_us: Earlier events were late already when they came: their age says nothing about the worker.
            pushed_us: When the rows of each view had been written, Unix microseconds.
            now_us: When those of all had.
        """
        event_us = events[times].to_physical().to_numpy()
        arrival_us = events[ARRIVAL].to_physical().to_numpy()
        prompt_us = event_us[event_us >= watermark_us]
        for view, at_us in pushed_us.items():
            self.freshness.observe(np.maximum(at_us - prompt_us, 0) / 1e6, view)
        self.latency.observe(np.maximum(now_us - arrival_us, 0) / 1e6)

    def forget(self, view: str) -> None:
        """Nothing is kept of this view any more."""
        for gauge in (self.keys, self.bytes, self.pending):
            gauge.labels(view).set(0)

    def lags(self, lag: Mapping[Partition, int]) -> None:
        """Messages behind, by partition."""
        for (topic, partition), messages in lag.items():
            self.lag.labels(topic, str(partition)).set(messages)
