"""Writes an artefact: whole under its final name or not at all, the same content under the same name."""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as package_version
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import xgboost

from artefact import (
    AcceptedBatch,
    Card,
    InputFeature,
    Rules,
    Thresholds,
    feature_service_hash,
    load_card,
    save_card,
    version_path,
)
from artefact.card import DataWindow
from artefact.folder import PAGE_FILE, VERDICT_FILE, write_atomically
from training.inputs import statistics
from training.report import card_markdown
from training.revision import git_revision
from training.settings import TrainingSettings
from training.split import Window
from training.verdict import Verdict
from training.versions import promote

PACKAGES = ("feast", "numpy", "onnx", "onnxruntime", "polars", "scikit-learn", "scipy", "skl2onnx")
REPORT_FILE = "card.md"
EVALUATION_FILE = "evaluation.parquet"
"""Scores of the held-out orders, to compare with what became known since."""
_NO_VERSION = "unnamed"


@dataclass(frozen=True)
class TrainedModel:
    """A published version: its card, its folder, and what its checks said."""

    card: Card
    path: Path
    verdict: Verdict


def package_versions() -> dict[str, str]:
    """Versions of the packages that decide about a model's scores."""
    return {name: package_version(name) for name in PACKAGES} | {"xgboost": xgboost.__version__}


def unnamed_card(
    store: Any,
    settings: TrainingSettings,
    *,
    model: str,
    service: str,
    inputs: tuple[InputFeature, ...],
    fitted_on: pl.DataFrame,
    window: Window,
    metrics: dict[str, Any],
    created: datetime,
    thresholds: Thresholds | None = None,
    rules: Rules | None = None,
    accepted: AcceptedBatch | None = None,
) -> Card:
    """The card of a model that has no version yet.

    Args:
        store: A ``feast.FeatureStore``, for the hash of the feature service.
        settings: The seed.
        model: Name of the model.
        service: Name of its feature service.
        inputs: What it reads.
        fitted_on: The rows it was fitted on, for their statistics.
        window: Event times of the rows it was fitted and calibrated on.
        metrics: Figures on held-out rows.
        created: The present (aware).
        thresholds: Risk levels of the fraud model.
        rules: What decides where the fraud model cannot.
        accepted: Who took the training set, where it broke its expectations.
    """
    return Card(
        model=model,
        version=_NO_VERSION,
        feature_service=service,
        feature_service_hash=feature_service_hash(store, service, {feature.name for feature in inputs}),
        inputs=inputs,
        created=created,
        data_window=DataWindow(start=window.start, end=window.end),
        metrics=metrics,
        thresholds=thresholds,
        rules=rules,
        seed=settings.training_seed,
        packages=package_versions(),
        git_revision=git_revision(settings),
        statistics=statistics(inputs, fitted_on),
        accepted=accepted,
    )


def parquet_bytes(frame: pl.DataFrame) -> bytes:
    """A table as a parquet file."""
    buffer = BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


def named(card: Card, files: Mapping[str, bytes], data_end: datetime) -> Card:
    """The card with its version: the end of the data (aware) and a hash of the content, but for when and by what code."""
    version = f"{data_end:%Y%m%dT%H%M%SZ}-{_content_hash(card, files)[:8]}"
    return card.model_copy(update={"version": version})


def publish(
    settings: TrainingSettings, card: Card, files: Mapping[str, bytes], page: str, verdict: Verdict
) -> TrainedModel:
    """Write ``models/<model>/<version>/`` and promote it where the verdict says so.

    A version that is already there has the same content and is left as it is, but for its page and its verdict.

    Args:
        settings: Where models lie.
        card: The card with its version.
        files: Name to content of the other files.
        page: The report, HTML.
        verdict: What the checks said.
    """
    folder = version_path(settings.models_dir, card.model, card.version)
    if not folder.exists():
        _write(folder, card, files)
    write_atomically(folder / PAGE_FILE, page)
    write_atomically(folder / VERDICT_FILE, verdict.to_json())
    if verdict.promote:
        promote(settings.models_dir, card.model, card.version)
    return TrainedModel(load_card(folder), folder, verdict)


def _content_hash(card: Card, files: Mapping[str, bytes]) -> str:
    unnamed = card.model_copy(update={"version": _NO_VERSION})
    digest = hashlib.sha256(unnamed.model_dump_json(exclude={"created", "git_revision"}).encode())
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()


def _write(folder: Path, card: Card, files: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        for name, content in files.items():
            (temporary / name).write_bytes(content)
        (temporary / REPORT_FILE).write_text(card_markdown(card))
        save_card(card, temporary)
        temporary.chmod(0o755)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
