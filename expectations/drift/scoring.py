"""What a model says of features, computed again: an answer that differs came from another model, or another encoding."""

from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import polars as pl

from artefact import MODEL_FILE, encode_rows, load_card

_INPUT, _OUTPUT = "features", "probability"
_ROUNDING = 1e-5
"""The runtime may add in another order for many rows than for one."""


class Scorer:
    """A version of a model.

    Args:
        folder: Its artefact.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.card = load_card(folder)

    def __call__(self, features: pl.DataFrame) -> npt.NDArray[np.float64]:
        """Probabilities [N] of feature values by name, as the feature service gives them [N]."""
        columns = {feature.name: features[feature.name] for feature in self.card.inputs}
        rows = encode_rows(self.card, {name: _encodable(values) for name, values in columns.items()})
        (probabilities,) = self._session.run([_OUTPUT], {_INPUT: rows})
        return np.asarray(probabilities, dtype=np.float64).reshape(-1)

    def differing(self, features: pl.DataFrame, logged: pl.Series) -> float:
        """Share of rows of which the model says something else than was logged."""
        return float(np.mean(np.abs(self(features) - logged.to_numpy()) > _ROUNDING))

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        return onnxruntime.InferenceSession(self._folder / MODEL_FILE, providers=["CPUExecutionProvider"])


def _encodable(values: pl.Series) -> pl.Series | npt.NDArray[np.float32]:
    return values if values.dtype == pl.String else values.cast(pl.Float32).to_numpy()
