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
        label: Name of its label; without one there is one series.
    """

    def __init__(self, name: str, documentation: str, label: str | None = None) -> None:
        self._name = name
        self._documentation = documentation
        self._label = label
        self._bounds = np.array(BUCKETS_SECONDS)
        self._series = {} if label else {"": _Series(len(BUCKETS_SECONDS) + 1)}

    def observe(self, seconds: NDArray[np.float64], of: str = "") -> None:
        """Count each value of an array of any length, for a value of the label."""
        series = self._series.setdefault(of, _Series(len(self._bounds) + 1))
        places = np.searchsorted(self._bounds, seconds, side="left")
        series.counts += np.bincount(places, minlength=len(series.counts))
        series.total += float(seconds.sum())

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """One histogram with cumulative buckets, a series for each value of the label."""
        bounds = [*map(str, BUCKETS_SECONDS), "+Inf"]
        labels = [self._label] if self._label else []
        family = HistogramMetricFamily(self._name, self._documentation, labels=labels)
        for of, series in list(self._series.items()):
            buckets = list(zip(bounds, np.cumsum(series.counts).tolist(), strict=True))
            family.add_metric([of] if labels else [], buckets, sum_value=series.total)
        yield family


class _Series:
    def __init__(self, buckets: int) -> None:
        self.counts = np.zeros(buckets, dtype=np.int64)
        self.total = 0.0
