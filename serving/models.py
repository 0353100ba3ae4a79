"""Models as the API holds them: a converted model with its card. Hot path."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import onnxruntime

from artefact import MODEL_FILE, ArtefactError, Card, RowEncoder, Thresholds, load_card

_INPUT, _OUTPUT = "features", "probability"


@dataclass(frozen=True)
class Model:
    """One version of a model, ready to score.

    Attributes:
        card: What it was trained on and expects.
        folder: Its artefact.
    """

    card: Card
    folder: Path
    session: onnxruntime.InferenceSession
    encode: RowEncoder = field(repr=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read an artefact folder.

        Raises:
            ArtefactError: if the card or the model is absent or they do not fit each other.
        """
        card = load_card(folder)
        session = _session(folder / MODEL_FILE)
        _check_fit(card, session, folder)
        return cls(card=card, folder=folder, session=session, encode=RowEncoder(card.inputs))

    @property
    def version(self) -> str:
        """``fraud@<version>``."""
        return f"{self.card.model}@{self.card.version}"

    @property
    def thresholds(self) -> Thresholds:
        """Of the risk levels.

        Raises:
            ArtefactError: if the card has none.
        """
        if self.card.thresholds is None:
            raise ArtefactError(
                f"the card of {self.version} has no thresholds, so no risk level; train it again"
            )
        return self.card.thresholds

    def score(self, rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Probabilities [N] of encoded rows [N, F]."""
        (probabilities,) = self.session.run([_OUTPUT], {_INPUT: rows})
        return probabilities.reshape(-1)

    def score_columns(self, columns: Mapping[str, Iterable[Any]]) -> npt.NDArray[np.float32]:
        """Probabilities [N] of feature values by name."""
        return self.score(self.encode(columns))


def _session(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own errors share no base class of theirs
        raise ArtefactError(f"the model {file} cannot be loaded: {error}") from error


def _check_fit(card: Card, session: onnxruntime.InferenceSession, folder: Path) -> None:
    inputs = {given.name: given.shape[-1] for given in session.get_inputs()}
    outputs = [given.name for given in session.get_outputs()]
    if _OUTPUT not in outputs or inputs.get(_INPUT) != len(card.inputs):
        raise ArtefactError(
            f"the model in {folder} has inputs {inputs} and outputs {outputs}; expected {_INPUT!r} with "
            f"{len(card.inputs)} columns, as its card says, and {_OUTPUT!r}; train it again"
        )
