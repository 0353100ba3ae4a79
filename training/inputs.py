"""Which features a model reads, in which order and encoding, and what they looked like in training."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from artefact import InputFeature, RowEncoder

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def choose_inputs(
    types: Mapping[str, str], rows: pl.DataFrame, *, max_categories: int, excluded: Iterable[str]
) -> tuple[InputFeature, ...]:
    """Inputs of a model in the order of ``types``.

    A string feature becomes the index of its value among those seen in ``rows``; one with more than
    ``max_categories`` values says who, not what, and is left out, as is a feature that never had a value.

    Args:
        types: Feature name to the name of its Feast type.
        rows: Training rows, a column per feature.
        max_categories: Most values of a string feature.
        excluded: Features that are left out.
    """
    left_out = set(excluded)
    chosen = (
        _input(name, kind, rows[name], max_categories) for name, kind in types.items() if name not in left_out
    )
    return tuple(feature for feature in chosen if feature)


def _input(name: str, kind: str, values: pl.Series, max_categories: int) -> InputFeature | None:
    if values.null_count() == len(values):
        return None
    if kind != "String":
        return InputFeature(name=name, dtype=kind)
    categories = values.drop_nulls().unique().sort().to_list()
    if len(categories) > max_categories:
        return None
    return InputFeature(name=name, dtype=kind, categories=tuple(categories))


def matrix(inputs: tuple[InputFeature, ...], rows: pl.DataFrame) -> npt.NDArray[np.float32]:
    """Rows as the model sees them, here and when served: float32 [N, F], null is NaN."""
    return RowEncoder(inputs)({feature.name: _encodable(rows[feature.name]) for feature in inputs})


def _encodable(values: pl.Series) -> Iterable[Any]:
    return values if values.dtype == pl.String else values.cast(pl.Float32).to_numpy()


def statistics(inputs: tuple[InputFeature, ...], rows: pl.DataFrame) -> dict[str, dict[str, Any]]:
    """Per feature: share of nulls; mean, std, min, max and quantiles, or the share of each category."""
    return {
        feature.name: _shares(rows[feature.name])
        if feature.categories is not None
        else _moments(rows[feature.name].cast(pl.Float64))
        for feature in inputs
    }


def _null_share(values: pl.Series) -> float:
    return values.null_count() / max(1, len(values))


def _moments(values: pl.Series) -> dict[str, Any]:
    present = values.drop_nulls()
    return {
        "null_share": _null_share(values),
        "mean": present.mean(),
        "std": present.std(),
        "min": present.min(),
        "max": present.max(),
        "quantiles": {str(q): present.quantile(q) for q in _QUANTILES},
    }


def _shares(values: pl.Series) -> dict[str, Any]:
    counts = values.drop_nulls().value_counts().sort(values.name)
    return {
        "null_share": _null_share(values),
        "categories": {value: count / max(1, len(values)) for value, count in counts.iter_rows()},
    }
