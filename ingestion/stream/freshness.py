"""A Prometheus histogram that takes whole arrays: one observation per event, none of them a Python call."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

BUCKETS_SECONDS: Final = tuple(float(f"{0.001 * 1.25**i:.3g}") for i in range(56))
"""Upper bounds, 1 ms to about 3.5 minutes in steps of a quarter: quantiles are known to 25 %, or better by interpolation."""


class ArrayHistogram(Collector):
    """Counts seconds in buckets.

    Args:
        name: Name of the metric.
        documentation: Its help text.
    """

    def __init__(self, name: str, documentation: str) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = np.array(BUCKETS_SECONDS)
        self._counts = np.zeros(len(BUCKETS_SECONDS) + 1, dtype=np.int64)
        self._sum = 0.0

    def observe(self, seconds: NDArray[np.float64]) -> None:
        """Count each value of an array of any length."""
        places = np.searchsorted(self._bounds, seconds, side="left")
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum += float(seconds.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """One histogram with cumulative buckets."""
        labels = [*map(str, BUCKETS_SECONDS), "+Inf"]
        totals = np.cumsum(self._counts).tolist()
        yield HistogramMetricFamily(
            self._name,
            self._documentation,
            buckets=list(zip(labels, totals, strict=True)),
            sum_value=self._sum,
        )
