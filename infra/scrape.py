"""A program's Prometheus metrics, read once."""

import math
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Metrics:
    """Samples by name, each a list of (labels, value)."""

    samples: Mapping[str, list[tuple[Mapping[str, str], float]]]

    @classmethod
    def scrape(cls, address: str) -> "Metrics":
        """Read ``http://<address>/metrics``.

        Raises:
            OSError: nobody answers there.
        """
        with urllib.request.urlopen(f"http://{address}/metrics", timeout=TIMEOUT_SECONDS) as answer:
            return cls.parse(answer.read().decode())

    @classmethod
    def parse(cls, text: str) -> "Metrics":
        """From the text format."""
        samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, []).append((sample.labels, sample.value))
        return cls(samples)

    def total(self, name: str) -> float:
        """Sum of a metric over its labels; 0 where it has no samples yet."""
        return sum(value for _, value in self.samples.get(name, []))

    def quantile(self, histogram: str, q: float) -> float:
        """Quantile of a histogram, linear within its bucket as Prometheus does; NaN without observations."""
        counts: dict[float, float] = {}
        for labels, value in self.samples.get(f"{histogram}_bucket", []):
            bound = float(labels["le"])
            counts[bound] = counts.get(bound, 0.0) + value
        if not counts or not counts[math.inf]:
            return math.nan
        rank = q * counts[math.inf]
        below, lower = 0.0, 0.0
        for bound in sorted(counts):
            if counts[bound] >= rank:
                return _within(lower, bound, below, counts[bound], rank)
            below, lower = counts[bound], bound
        return lower


def _within(lower: float, upper: float, below: float, count: float, rank: float) -> float:
    if math.isinf(upper):
        return lower
    return lower + (upper - lower) * (rank - below) / (count - below) if count > below else upper
