"""Freshness from the stream worker: its histogram, read again and again and kept, so that windows of days can be told.

::

    <data_dir>/reports/freshness/samples/2026-04-24.jsonl      a line per reading: all counts of a worker so far
"""

import math
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import polars as pl
from prometheus_client.parser import text_string_to_metric_families

from expectations.freshness.objective import SCHEMA

METRIC: Final = "shop_stream_freshness_seconds"
TIMEOUT_SECONDS: Final = 5.0

Counts = Mapping[str, Mapping[str, int]]
"""By view: how many observations lie at or below each upper bound, which is told as text; only bounds with any."""


@dataclass(frozen=True)
class Sample:
    """A worker's histogram at an instant.

    Attributes:
        at: When it was read (UTC).
        worker: Where: ``host:port``.
        views: Its counts since the worker started.
    """

    at: datetime
    worker: str
    views: Counts


def read(worker: str, at: datetime) -> Sample:
    """A worker's histogram as of now.

    Raises:
        OSError: nobody answers there.
    """
    with urllib.request.urlopen(f"http://{worker}/metrics", timeout=TIMEOUT_SECONDS) as answer:
        return Sample(at, worker, parsed(answer.read().decode()))


def parsed(text: str) -> Counts:
    """The histogram by view, from Prometheus's text format."""
    views: dict[str, dict[str, int]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == f"{METRIC}_bucket":
                of_view = views.setdefault(sample.labels["view"], {})
                of_view[sample.labels["le"]] = int(sample.value)
    return views


def keep(sample: Sample, reports: Path) -> None:
    """Add a line to the samples of its day."""
    file = _folder(reports) / f"{sample.at:%F}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lines:
        lines.write(msgspec.json.encode(sample) + b"\n")


def kept(reports: Path, since: datetime, until: datetime) -> list[Sample]:
    """Samples of an interval, both ends included, in the order in which they were read."""
    days = sorted(_folder(reports).glob("*.jsonl"))
    wanted = [file for file in days if f"{since:%F}" <= file.stem <= f"{until:%F}"]
    found = (
        msgspec.json.decode(line, type=Sample) for file in wanted for line in file.read_bytes().splitlines()
    )
    return [sample for sample in found if since <= sample.at <= until]


def observations(samples: Iterable[Sample]) -> pl.DataFrame:
    """What was counted between one sample of a worker and its next; a worker that started anew has counted from nothing.

    What the first sample has counted may be of any age, and counts as of its instant.
    """
    before: dict[str, Counts] = {}
    rows: list[tuple[str, datetime, float, float, int]] = []
    for sample in samples:
        earlier = before.get(sample.worker, {})
        for view, counts in sample.views.items():
            rows += ((view, sample.at, *step) for step in _steps(counts, earlier.get(view, {})))
        before[sample.worker] = sample.views
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def _steps(counts: Mapping[str, int], earlier: Mapping[str, int]) -> Iterator[tuple[float, float, int]]:
    """Lower bound, upper bound and new observations of each step that has any."""
    began_anew = any(count < earlier.get(bound, 0) for bound, count in counts.items())
    low = last = 0.0
    for bound, count in sorted(counts.items(), key=lambda item: float(item[0])):
        new = count - (0 if began_anew else earlier.get(bound, 0))
        high = float(bound)
        if new > last:
            yield low, low if math.isinf(high) else high, int(new - last)
        low, last = high, new


def _folder(reports: Path) -> Path:
    return reports / "freshness" / "samples"
