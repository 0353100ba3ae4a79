"""Where artefacts lie below the models folder, and which version is in use."""

import os
import re
from pathlib import Path

from artefact.errors import ArtefactError

MODEL_FILE = "model.onnx"
CARD_FILE = "card.json"
PAGE_FILE = "report.html"
"""The report of the training that made the version, one page that needs nothing else."""
VERDICT_FILE = "verdict.json"
"""What the checks of the version said."""
OVERRIDES_FILE = "overrides.jsonl"
"""Who put the version in use although checks of it failed: see `artefact.overrides`."""
CANDIDATES_FILE = "candidates.parquet"
"""Columns product_id, candidate_id, rank (int32; 0 is the product itself, 1 the best other one), score (float64)."""
CANDIDATE_SCORE = "candidate_score"
"""Model input that no feature service has: the score of the row's product among the candidates of the product that the
customer looked at last (the feature ``user_product_id_last_1d``), null where it is not among them."""
POPULAR_FILE = "popular.parquet"
"""Columns product_id, rank (1 is best)."""
REFERENCE_FILE = "reference.parquet"
"""What predictions are held against: see `artefact.reference`."""

_CHAMPION_FILE = "champion"
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def version_path(models_dir: Path, model: str, version: str) -> Path:
    """Folder of one version, whether it exists or not.

    Raises:
        ArtefactError: if the version is not a plain file name.
    """
    if not _VERSION.fullmatch(version):
        raise ArtefactError(f"{version!r} is not a version: use letters, digits, '.', '_' and '-'")
    return models_dir / model / version


def champion_path(models_dir: Path, model: str) -> Path:
    """Folder of the version in use.

    Raises:
        ArtefactError: if no version was chosen, or the chosen one is not there.
    """
    file = models_dir / model / _CHAMPION_FILE
    try:
        version = file.read_text().strip()
    except FileNotFoundError as error:
        raise ArtefactError(f"model {model!r} has no champion ({file} is absent); train it first") from error
    folder = version_path(models_dir, model, version)
    if not (folder / MODEL_FILE).is_file():
        raise ArtefactError(
            f"champion {version!r} of model {model!r} has no {folder / MODEL_FILE}; train it again"
        )
    return folder


def set_champion(models_dir: Path, model: str, version: str) -> None:
    """Put a version in use, atomically.

    Raises:
        ArtefactError: if the version has no model or no card.
    """
    whole_version(models_dir, model, version)
    write_atomically(models_dir / model / _CHAMPION_FILE, version + "\n")


def whole_version(models_dir: Path, model: str, version: str) -> Path:
    """Folder of one version.

    Raises:
        ArtefactError: if it has no model or no card.
    """
    folder = version_path(models_dir, model, version)
    for name in (MODEL_FILE, CARD_FILE):
        if not (folder / name).is_file():
            raise ArtefactError(f"version {version!r} of model {model!r} has no {name} in {folder}")
    return folder


def write_atomically(file: Path, text: str) -> None:
    """Write a small file so that a reader sees the old or the new text, never a part."""
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(file)
