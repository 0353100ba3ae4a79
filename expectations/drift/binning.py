"""Bins of a feature: the same for every day that is held against one reference."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl

from expectations.drift.measures import Counts
from expectations.drift.record import Bins

_TENTHS: Final = np.linspace(0, 1, 11)[1:-1]
_FREQUENT: Final = 0.1
"""A value that makes up more of the reference has a bin of its own."""


@dataclass(frozen=True)
class NumberBins:
    """Bins of about a tenth of the reference each; a value that is more than a tenth of it has a bin of its own.

    Attributes:
        least: Smallest value of the reference.
        inner: Edges between the bins, ascending.
        greatest: Greatest value of the reference.
    """

    least: float
    inner: tuple[float, ...]
    greatest: float

    @classmethod
    def of(cls, reference: pl.Series) -> Self:
        """From the reference's values (float64); one that has none makes a single bin."""
        values = reference.drop_nulls().to_numpy()
        if not len(values):
            return cls(0.0, (), 0.0)
        least, greatest = float(values.min()), float(values.max())
        tenths = np.unique(np.quantile(values, _TENTHS, method="inverted_cdf"))
        frequent = [tenth for tenth in tenths if np.mean(values == tenth) > _FREQUENT and tenth < greatest]
        edges = np.union1d(tenths, [values[values > tenth].min() for tenth in frequent])
        return cls(least, tuple(edges[edges > least].tolist()), greatest)

    def counts(self, values: pl.Series) -> Counts:
        """How many are in each bin; what lies outside the reference is in an outer one."""
        places = np.searchsorted(np.asarray(self.inner), values.drop_nulls().to_numpy(), side="right")
        return np.bincount(places, minlength=len(self.inner) + 1)

    def bins(self, reference: Counts, current: Counts, values: pl.Series) -> Bins:
        """Both distributions, over edges that reach to all values."""
        present = values.drop_nulls()
        least, greatest = (self.least, self.greatest) if present.is_empty() else _ends(present)
        edges = (min(self.least, least), *self.inner, max(self.greatest, greatest))
        return Bins(edges, (), _shares(reference), _shares(current))


@dataclass(frozen=True)
class CategoryBins:
    """A bin for each value that was known in training, in the order of the names."""

    names: tuple[str, ...]

    @classmethod
    def of(cls, reference: pl.Series, known: Collection[str]) -> Self:
        """From the reference's values (text) and what else the model knows."""
        return cls(tuple(sorted({*known, *reference.drop_nulls().unique()})))

    def counts(self, values: pl.Series) -> Counts:
        """How many there are of each; those that the reference does not have are left out."""
        known = values.drop_nulls().cast(pl.Enum(self.names), strict=False).drop_nulls()
        return np.bincount(known.to_physical().to_numpy(), minlength=len(self.names))

    def bins(self, reference: Counts, current: Counts) -> Bins:
        """Both distributions."""
        return Bins((), self.names, _shares(reference), _shares(current))

    def new(self, values: pl.Series) -> pl.Series:
        """The values that have no bin, as often as they occur."""
        return values.drop_nulls().filter(~values.drop_nulls().is_in(self.names))


def _ends(values: pl.Series) -> tuple[float, float]:
    numbers = values.to_numpy()
    return float(numbers.min()), float(numbers.max())


def _shares(counts: Counts) -> tuple[float, ...]:
    shares: Sequence[float] = (counts / max(1, counts.sum())).tolist()
    return tuple(shares)
