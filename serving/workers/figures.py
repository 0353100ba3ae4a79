"""Figures of several processes as one.

prometheus_client can share values between processes in files of its own, if told so before it is first imported; Feast
tells it so too, for all programs alike and for values that are not to be counted. So each worker counts in its memory,
and what is shared are sums: of counters and histograms over all workers, with what those counted that are gone; gauges
are not summed (some are levels, some are marks) but told apart by a label ``worker``.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

import orjson
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

_SUMMED: Final = ("counter", "histogram", "summary")
_WORKER: Final = "worker"

_Labels = tuple[tuple[str, str], ...]
_Sample = tuple[str, _Labels]


@dataclass(frozen=True)
class Family:
    """Samples of one metric.

    Attributes:
        kind: Prometheus' type.
        help: What it counts.
        samples: Value by name and sorted labels.
    """

    kind: str
    help: str
    samples: Mapping[_Sample, float]


@dataclass(frozen=True)
class Figures:
    """Families by name."""

    families: Mapping[str, Family]

    @classmethod
    def of(cls, registry: CollectorRegistry) -> Self:
        """What the registry counts now."""
        return cls({metric.name: _family(metric) for metric in registry.collect()})

    @classmethod
    def decode(cls, encoded: bytes) -> Self:
        """What `encode` wrote.

        Raises:
            ValueError: if it is nothing of the kind.
        """
        return cls(
            {
                name: Family(
                    kind, told, {(s, tuple((k, v) for k, v in labels)): value for s, labels, value in samples}
                )
                for name, kind, told, samples in orjson.loads(encoded)
            }
        )

    def encode(self) -> bytes:
        """As bytes for another process."""
        return orjson.dumps(
            [
                (
                    name,
                    family.kind,
                    family.help,
                    [(*sample, value) for sample, value in family.samples.items()],
                )
                for name, family in self.families.items()
            ]
        )

    def counted(self) -> "Figures":
        """Without gauges: what stays true of a process that is gone."""
        return Figures({name: family for name, family in self.families.items() if family.kind in _SUMMED})

    def of_worker(self, worker: str) -> "Figures":
        """Gauges with the label of their worker."""
        return Figures(
            {
                name: family if family.kind in _SUMMED else _labelled(family, worker)
                for name, family in self.families.items()
            }
        )


def summed(all_figures: Iterable[Figures]) -> Figures:
    """Sums of equal samples; of times of creation the earliest."""
    found: dict[str, Family] = {}
    for figures in all_figures:
        for name, family in figures.families.items():
            known = found.get(name)
            found[name] = family if known is None else Family(family.kind, family.help, _added(known, family))
    return Figures(found)


def exposition(figures: Figures) -> bytes:
    """In Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Told(figures))
    return generate_latest(registry)


@dataclass(frozen=True, eq=False)
class _Told(Collector):
    figures: Figures

    def collect(self) -> Iterator[Metric]:
        for name, family in self.figures.families.items():
            metric = Metric(name, family.help, family.kind)
            for (sample, labels), value in family.samples.items():
                metric.add_sample(sample, dict(labels), value)
            yield metric


def _family(metric: Metric) -> Family:
    samples = {(s.name, tuple(sorted(s.labels.items()))): float(s.value) for s in metric.samples}
    return Family(metric.type, metric.documentation, samples)


def _labelled(family: Family, worker: str) -> Family:
    own = {(name, (*labels, (_WORKER, worker))): value for (name, labels), value in family.samples.items()}
    return Family(family.kind, family.help, own)


def _added(known: Family, more: Family) -> Mapping[_Sample, float]:
    samples = dict(known.samples)
    for sample, value in more.samples.items():
        before = samples.get(sample)
        if before is None:
            samples[sample] = value
        elif sample[0].endswith("_created"):
            samples[sample] = min(before, value)
        else:
            samples[sample] = before + value
    return samples
