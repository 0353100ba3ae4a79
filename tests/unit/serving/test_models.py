from pathlib import Path

import numpy as np
import pytest

from artefact import MODEL_FILE, ArtefactError, InputFeature, save_card
from serving.models import Model
from tests.small_models import save_model, small_card

INPUTS = [InputFeature(name="amount", dtype="Float64"), InputFeature(name="age", dtype="Float64")]


def test_a_converted_model_scores_as_the_original(tmp_path: Path) -> None:
    """Nulls included, to float32 precision."""
    original = save_model(small_card("fraud", INPUTS), tmp_path)
    model = Model.load(tmp_path / "fraud" / "v1")
    rows = np.array([[10, 50], [90, np.nan], [np.nan, 3]], dtype=np.float32)
    np.testing.assert_allclose(model.score(rows), original.predict_proba(rows)[:, 1], atol=1e-6)
    assert model.version == "fraud@v1"


def test_a_model_that_does_not_fit_its_card_is_refused(tmp_path: Path) -> None:
    """Columns of the model against inputs of the card."""
    save_model(small_card("fraud", INPUTS), tmp_path)
    save_card(small_card("fraud", INPUTS[:1]), tmp_path / "fraud" / "v1")
    with pytest.raises(ArtefactError, match="expected 'features' with 1 columns"):
        Model.load(tmp_path / "fraud" / "v1")


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """Onnxruntime's reason is passed on with the file."""
    save_model(small_card("fraud", INPUTS), tmp_path)
    folder = tmp_path / "fraud" / "v1"
    (folder / MODEL_FILE).write_bytes(b"not a model")
    with pytest.raises(ArtefactError, match=r"model\.onnx cannot be loaded"):
        Model.load(folder)
