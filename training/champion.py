"""The version in use, scored on rows that a new version is judged on."""

from dataclasses import dataclass
from typing import Self

import polars as pl

from artefact import MODEL_FILE, ArtefactError, Card, champion_path, load_card
from training.convert import Scorer, open_model
from training.inputs import matrix
from training.metrics import Floats
from training.settings import TrainingSettings


@dataclass(frozen=True)
class Champion:
    """A published version with its model opened."""

    card: Card
    score: Scorer

    @classmethod
    def load(cls, settings: TrainingSettings, model: str) -> Self | None:
        """The version in use, or None where there is none that can be read."""
        try:
            folder = champion_path(settings.models_dir, model)
            return cls(load_card(folder), open_model((folder / MODEL_FILE).read_bytes()))
        except ArtefactError:
            return None

    def scores(self, rows: pl.DataFrame) -> Floats | None:
        """Probabilities [N] of rows with their features, or None if an input is not among them."""
        if not {feature.name for feature in self.card.inputs} <= set(rows.columns):
            return None
        return self.score(matrix(self.card.inputs, rows))
