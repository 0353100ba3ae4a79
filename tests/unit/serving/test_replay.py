"""Logged predictions computed again, of each kind that there is."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from artefact import ArtefactError, InputFeature
from artefact.card import Rules
from serving.logged import Logged, LoggedScore
from serving.models import Model
from serving.replay import Replayed, replay
from tests.small_models import CATEGORIES, save_model, small_card

INPUTS = (
    InputFeature(name="count", dtype="Int64"),
    InputFeature(name="kind", dtype="String", categories=CATEGORIES),
    InputFeature(name="amount", dtype="Float64"),
)
RULES = Rules(limits={"amount": 50.0}, within=0.01, beyond=0.9, preferred=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models with one version of fraud, which has rules."""
    models = tmp_path_factory.mktemp("models")
    save_model(small_card("fraud", INPUTS, rules=RULES), models)
    return models


def again(folder: Path, *, rung: str = "live", shadow: bool = False, **changes: Any) -> Replayed:
    """A prediction as the model makes it, changed, and computed again."""
    features = {"count": 3.0, "kind": "toys", "amount": 0.1}
    model = Model.load(folder / "fraud" / "v1")
    row = model.encode({name: [value] for name, value in features.items()})
    inputs = [None if np.isnan(value) else value for value in row[0].tolist()]
    said: dict[str, Any] = {"probability": float(model.score(row)[0]), "inputs": inputs} | changes
    score = LoggedScore("fraud", "fraud@v1", arm="champion", shadow=shadow, **said)
    logged = Logged("r1", datetime.now(UTC), {"user_id": "u"}, features, rung, (score,))
    (replayed,) = replay([logged], folder)
    return replayed


@pytest.mark.parametrize("rung", ["live", "remembered", "typical"])
def test_what_the_model_said_it_says_again(folder: Path, rung: str) -> None:
    """Wherever its features came from."""
    assert again(folder, rung=rung).is_equal


def test_what_the_rules_said_they_say_again(folder: Path) -> None:
    """They judged in the model's place; not in that of a shadow, which decides nothing."""
    assert again(folder, rung="rules", probability=RULES.within).is_equal
    assert not again(folder, rung="rules").is_equal
    assert again(folder, rung="rules", shadow=True).is_equal


def test_the_least_difference_of_an_input_is_told(folder: Path) -> None:
    """0.1 as float32, and its neighbour."""
    neighbour = float(np.nextafter(np.float32(0.1), np.float32(1)))
    replayed = again(folder, inputs=[3.0, 2.0, neighbour])
    assert [difference.split(":")[0] for difference in replayed.differing] == ["amount"]
    assert not replayed.is_equal


def test_no_value_is_no_number(folder: Path) -> None:
    """Null in the log, three in the features."""
    assert not again(folder, inputs=[None, 2.0, float(np.float32(0.1))]).is_equal


def test_an_input_that_was_not_logged_is_told(folder: Path) -> None:
    """The card reads it all the same."""
    score = LoggedScore("fraud", "fraud@v1", 0.5, [3.0, 2.0, 1.0], None, shadow=False)
    logged = Logged("r1", datetime.now(UTC), {}, {"count": 3.0, "kind": "toys"}, "live", (score,))
    (replayed,) = replay([logged], folder)
    assert "'amount' is missing" in replayed.differing[0]


def test_a_version_that_is_gone_cannot_be_replayed(folder: Path) -> None:
    """It says which."""
    score = LoggedScore("fraud", "fraud@v0", 0.5, [1.0], None, shadow=False)
    with pytest.raises(ArtefactError, match="v0"):
        list(replay([Logged("r1", datetime.now(UTC), {}, {}, "live", (score,))], folder))
