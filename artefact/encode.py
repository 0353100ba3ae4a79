"""Feature values to the model's input matrix, the same for training and serving."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from artefact.card import Card, InputFeature
from artefact.errors import ArtefactError

UNKNOWN_CATEGORY = -1.0
"""Index of a string that was not seen in training; null is NaN as everywhere."""


class RowEncoder:
    """Encodes columns of feature values for one model; build it once, the category tables are kept."""

    def __init__(self, inputs: Sequence[InputFeature]) -> None:
        self.names = tuple(feature.name for feature in inputs)
        self._categories = [
            (place, _index(feature.categories))
            for place, feature in enumerate(inputs)
            if feature.categories is not None
        ]

    def __call__(self, columns: Mapping[str, Iterable[Any]]) -> npt.NDArray[np.float32]:
        """Encode ``columns`` (all of one length N; lists, numpy arrays or series) as float32 [N, F].

        Null becomes NaN, a boolean 0 or 1, a string the index of its category.

        Raises:
            ArtefactError: if a column of the model is missing.
        """
        try:
            encoded = [columns[name] for name in self.names]
        except KeyError as error:
            raise ArtefactError(
                f"the model's input {error.args[0]!r} is missing; there are {sorted(columns)}"
            ) from error
        for place, index in self._categories:
            encoded[place] = [index.get(value, UNKNOWN_CATEGORY) for value in encoded[place]]
        numbers = [
            values if isinstance(values, list) else np.asarray(values, dtype=np.float32) for values in encoded
        ]
        return np.ascontiguousarray(np.array(numbers, dtype=np.float32).T)


def encode_rows(card: Card, columns: Mapping[str, Iterable[Any]]) -> npt.NDArray[np.float32]:
    """Encode columns of feature values as the model of ``card`` expects them: float32 [N, F]."""
    return RowEncoder(card.inputs)(columns)


def _index(categories: Sequence[str]) -> dict[str | None, float]:
    table: dict[str | None, float] = {value: float(i) for i, value in enumerate(categories)}
    return table | {None: float("nan")}
