"""A program's Prometheus metrics, read once."""

import math
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_SECONDS = 5.0

_Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Metrics:
    """Samples by name, each with a value per set of labels."""

    samples: Mapping[str, Mapping[_Labels, float]]

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
        samples: dict[str, dict[_Labels, float]] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
        return cls(samples)

    def since(self, earlier: "Metrics") -> "Metrics":
        """What was counted after an earlier reading; of use for counters, sums and histograms."""
        return Metrics(
            {
                name: {
                    labels: value - earlier.samples.get(name, {}).get(labels, 0.0)
                    for labels, value in values.items()
                }
                for name, values in self.samples.items()
            }
        )

    def total(self, name: str) -> float:
        """Sum of a metric over its labels; 0 where it has no samples yet."""
        return sum(self.samples.get(name, {}).values())

    def by(self, name: str, label: str) -> dict[str, float]:
        """Sums of a metric by one of its labels."""
        sums: dict[str, float] = {}
        for labels, value in self.samples.get(name, {}).items():
            key = dict(labels)[label]
            sums[key] = sums.get(key, 0.0) + value
        return sums

    def quantile(self, histogram: str, q: float) -> float:
        """Quantile of a histogram, linear within its bucket as Prometheus does; NaN without observations."""
        counts = {float(bound): count for bound, count in self.by(f"{histogram}_bucket", "le").items()}
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
