"""What Prometheus can know of our programs: every sample with its labels, read from the registries they serve."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import Sample
from prometheus_client.registry import Collector

from expectations.exporter import QualityMetrics
from expectations.settings import QualitySettings
from expectations.watch.settings import TASKS
from ingestion.erasures.status import EraseStatus
from ingestion.spark.stream.status import SparkStatus
from ingestion.stream.metrics import StreamMetrics
from serving.access.guard import AccessMetrics
from serving.arms.figures import ArmFigures
from serving.journal.counts import Counts
from serving.metrics import Metrics
from serving.workers.crew import Crew

OF_THE_SCRAPE: Final = {"job", "instance"}
"""Labels that Prometheus adds."""
OF_OTHERS: Final[dict[str, set[str]]] = {
    "up": set(),
    "prometheus_notifications_dropped_total": set(),
    "prometheus_rule_evaluation_failures_total": {"rule_group"},
    "prometheus_config_last_reload_successful": set(),
    "alertmanager_notifications_failed_total": {"integration", "reason"},
}
"""Metrics of Prometheus and Alertmanager themselves that rules use."""


def labels_by_sample(folder: Path) -> dict[str, set[str]]:
    """Label names by the name of each sample that our programs tell, those of the scrape among them."""
    known = {name: labels | OF_THE_SCRAPE for name, labels in OF_OTHERS.items()}
    for collector, sample in _told(folder):
        # Gauges of several workers are told apart.
        of_workers = {"worker"} if isinstance(collector, Gauge) else set()
        known.setdefault(sample.name, set(OF_THE_SCRAPE)).update(sample.labels, of_workers)
    return known


def bounds_by_histogram(folder: Path) -> dict[str, set[str]]:
    """Upper bounds of buckets as the label ``le`` has them, by the name of the histogram's buckets."""
    bounds: dict[str, set[str]] = {}
    for _, sample in _told(folder):
        if "le" in sample.labels:
            bounds.setdefault(sample.name, set()).add(sample.labels["le"])
    return bounds


def _told(folder: Path) -> Iterator[tuple[Collector, Sample]]:
    """Every sample of every collector, of those with labels at least one."""
    for registry in _registries(folder):
        for collector in registry._collector_to_names:
            names = getattr(collector, "_labelnames", ())
            if names:
                collector.labels(*("x" for _ in names))
            for metric in collector.collect():
                yield from ((collector, sample) for sample in metric.samples)


def _registries(folder: Path) -> list[CollectorRegistry]:
    api = Metrics().registry
    Counts(api)
    ArmFigures(api)
    AccessMetrics(api)
    asyncio.run(_meet(Crew(folder, 0, 1, api, _ready)))
    stream = StreamMetrics()
    stream.freshness.observe(np.ones(1), "x")  # it has no series before its first view
    quality = QualityMetrics(QualitySettings(), TASKS).registry
    return [api, stream.registry, SparkStatus().registry, EraseStatus().registry, quality]


async def _meet(crew: Crew) -> None:
    async with crew.meeting():
        pass


async def _ready() -> str:
    return ""
