"""What a feature usually is, by the statistics of the training rows in a card."""

from collections.abc import Iterable, Mapping
from typing import Any

from artefact.card import InputFeature

_MEDIAN = "0.5"
_MOST = 0.5
"""Share of nulls from which null is what is usual."""


def typical_values(
    inputs: Iterable[InputFeature], statistics: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Per input the median of the training rows, of a text the most frequent value; None where most rows had none.

    An input without statistics is absent.
    """
    return {
        feature.name: _typical(feature, statistics[feature.name])
        for feature in inputs
        if statistics.get(feature.name)
    }


def _typical(feature: InputFeature, statistics: Mapping[str, Any]) -> Any:
    if statistics["null_share"] > _MOST:
        return None
    if feature.categories is not None:
        shares: Mapping[str, float] = statistics["categories"]
        return max(shares, key=shares.__getitem__, default=None)
    median = statistics["quantiles"][_MEDIAN]
    if median is None:
        return None
    if feature.dtype == "Bool":
        return bool(median)
    return round(median) if feature.dtype.startswith("Int") else float(median)
