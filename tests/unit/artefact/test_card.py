from datetime import UTC, datetime
from pathlib import Path

import pytest

from artefact import (
    CARD_FILE,
    MODEL_FILE,
    ArtefactError,
    Card,
    InputFeature,
    Thresholds,
    champion_path,
    load_card,
    save_card,
    set_champion,
    version_path,
)

CARD = Card(
    model="fraud",
    version="v1",
    feature_service="fraud_v1",
    feature_service_hash="00",
    inputs=(
        InputFeature(name="amount", dtype="Float64"),
        InputFeature(name="c", dtype="String", categories=("a",)),
    ),
    created=datetime(2026, 1, 2, tzinfo=UTC),
    data_window={"start": datetime(2025, 1, 1, tzinfo=UTC), "end": datetime(2026, 1, 1, tzinfo=UTC)},
    metrics={"auc": 0.9},
    thresholds=Thresholds(medium=0.2, high=0.7),
    seed=7,
    packages={"scikit-learn": "1.8"},
    statistics={"amount": {"mean": 1.0}},
)


def _saved(models_dir: Path, version: str) -> Path:
    folder = version_path(models_dir, "fraud", version)
    folder.mkdir(parents=True)
    (folder / MODEL_FILE).write_bytes(b"onnx")
    save_card(CARD.model_copy(update={"version": version}), folder)
    return folder


def test_a_saved_card_is_loaded_equal(tmp_path: Path) -> None:
    """Every field survives the file, and no temporary file is left."""
    save_card(CARD, tmp_path)
    assert load_card(tmp_path) == CARD
    assert [file.name for file in tmp_path.iterdir()] == [CARD_FILE]


def test_a_card_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    """The error names the file and the field."""
    (tmp_path / CARD_FILE).write_text('{"modle": "fraud"}')
    with pytest.raises(ArtefactError, match=r"(?s)card\.json cannot be read.*modle"):
        load_card(tmp_path)


def test_an_absent_card_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    """The way out is in the message."""
    with pytest.raises(ArtefactError, match="train the model again"):
        load_card(tmp_path)


def test_thresholds_out_of_order_are_refused() -> None:
    """MEDIUM begins below HIGH."""
    with pytest.raises(ValueError, match=r"medium 0\.8 is above high 0\.2"):
        Thresholds(medium=0.8, high=0.2)


@pytest.mark.parametrize(
    ("probability", "level"), [(0.0, "LOW"), (0.2, "MEDIUM"), (0.69, "MEDIUM"), (0.7, "HIGH"), (1.0, "HIGH")]
)
def test_a_threshold_belongs_to_the_level_above_it(probability: float, level: str) -> None:
    """Each threshold is inclusive."""
    assert Thresholds(medium=0.2, high=0.7).level(probability) == level


def test_the_champion_is_the_version_that_was_set_last(tmp_path: Path) -> None:
    """A second set_champion replaces the first."""
    folders = [_saved(tmp_path, version) for version in ("v1", "v2")]
    set_champion(tmp_path, "fraud", "v2")
    set_champion(tmp_path, "fraud", "v1")
    assert champion_path(tmp_path, "fraud") == folders[0]


def test_a_version_without_a_model_cannot_become_champion(tmp_path: Path) -> None:
    """The error names what is missing."""
    with pytest.raises(ArtefactError, match=r"has no model\.onnx"):
        set_champion(tmp_path, "fraud", "v9")


def test_a_champion_whose_model_is_gone_is_an_error(tmp_path: Path) -> None:
    """The file that names the champion is not enough."""
    folder = _saved(tmp_path, "v1")
    set_champion(tmp_path, "fraud", "v1")
    (folder / MODEL_FILE).unlink()
    with pytest.raises(ArtefactError, match="train it again"):
        champion_path(tmp_path, "fraud")


def test_a_model_without_champion_is_an_error(tmp_path: Path) -> None:
    """The error says to train."""
    with pytest.raises(ArtefactError, match="train it first"):
        champion_path(tmp_path, "fraud")


def test_a_version_cannot_leave_its_folder(tmp_path: Path) -> None:
    """A path is not a version."""
    with pytest.raises(ArtefactError, match=r"'\.\./x' is not a version"):
        version_path(tmp_path, "fraud", "../x")
