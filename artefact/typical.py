"""What a feature usually is, from the statistics of the training rows in a card."""

from typing import Any

from artefact.card import Card, InputFeature

_MEDIAN = "0.5"
_MOST = 0.5
"""Share of nulls from which null is what is usual."""


def typical_values(card: Card) -> dict[str, Any]:
    """Per input the median of the training rows, of a text the most frequent value; None where most rows had none.

    An input without statistics is absent.
    """
    return {
        feature.name: _typical(feature, card.statistics[feature.name])
        for feature in card.inputs
        if card.statistics.get(feature.name)
    }


def _typical(feature: InputFeature, statistics: dict[str, Any]) -> Any:
    if statistics["null_share"] > _MOST:
        return None
    if feature.categories is not None:
        shares: dict[str, float] = statistics["categories"]
        return max(shares, key=shares.__getitem__, default=None)
    median = statistics["quantiles"][_MEDIAN]
    if median is None:
        return None
    if feature.dtype == "Bool":
        return bool(median)
    return round(median) if feature.dtype.startswith("Int") else float(median)
