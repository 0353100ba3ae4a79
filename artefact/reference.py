"""The rows that predictions are held against: what the model learned from, and what it was judged on.

A table ``reference.parquet`` beside the model, a row per order, with the model's inputs as the feature service gives them
and the columns named here. It names nobody: devices are numbers.
"""

from pathlib import Path
from typing import Final

import polars as pl

from artefact.errors import ArtefactError
from artefact.folder import REFERENCE_FILE

TIME: Final = "event_timestamp"
SCORE: Final = "__score"
"""What the model said, float64; null for rows that it was fitted on: there it says more than it knows."""
DEVICE: Final = "__device"
"""Rows of one number came from one device."""
KNOWN_AFTER_SECONDS: Final = "__known_after_seconds"
"""How long after the order it became known as fraud; null: it did not, as far as is known."""


def load_reference(path: Path) -> pl.DataFrame:
    """The reference of an artefact folder.

    Raises:
        ArtefactError: the version has none; those trained before references were kept do not.
    """
    file = path / REFERENCE_FILE
    try:
        return pl.read_parquet(file)
    except FileNotFoundError as error:
        raise ArtefactError(
            f"there is no {file}: version {path.name!r} of model {path.parent.name!r} was trained before references were "
            "kept, or is no fraud model; train it again to compare predictions with it"
        ) from error
