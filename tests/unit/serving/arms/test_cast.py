"""What the models folder asks for is loaded; what cannot be used is refused with a reason."""

from pathlib import Path

import pytest

from artefact import MODEL_FILE, ArtefactError, Card, load_card, save_card, set_champion
from artefact.experiments import EXPERIMENTS_FILE
from serving.arms.cast import load_cast
from tests.unit.serving.arms.shop import experiment, fits, run_experiments


def no_v2(card: Card) -> str | None:
    return "hash 0, registered 1" if card.version == "v2" else None


def test_without_experiments_the_champions_are_all(trained: Path) -> None:
    """Two models, one table of candidates."""
    cast = load_cast(trained, fits)
    assert set(cast.models) == {"fraud@v1", "recommendation@v1"}
    assert set(cast.candidates) == {"recommendation@v1"}
    assert not cast.refused


def test_challengers_and_shadows_are_loaded_beside_them(folder: Path) -> None:
    """With their own candidates."""
    run_experiments(
        folder, [experiment(shadows=("v3",)), experiment("by-session", "recommendation", shadows=("v3",))]
    )
    cast = load_cast(folder, fits)
    assert set(cast.models) == {f"{name}@v{i}" for name in ("fraud", "recommendation") for i in (1, 2, 3)}
    assert set(cast.candidates) == {"recommendation@v1", "recommendation@v2", "recommendation@v3"}


def test_an_experiment_that_was_stopped_is_none(folder: Path) -> None:
    """Its versions are not loaded."""
    run_experiments(folder, [experiment(stopped="2026-06-02T00:00:00Z")])
    assert load_cast(folder, fits).running == ()


def test_what_is_held_is_not_loaded_again(folder: Path) -> None:
    """The same object, and what nobody wants any more is let go."""
    held = load_cast(folder, fits)
    set_champion(folder, "recommendation", "v2")
    cast = load_cast(folder, fits, held)
    assert cast.champions["fraud"] is held.champions["fraud"]
    assert set(cast.models) == {"fraud@v1", "recommendation@v2"}
    assert set(cast.candidates) == {"recommendation@v2"}


def test_without_a_champion_there_is_no_start(folder: Path) -> None:
    """Nothing is held in its place."""
    (folder / "fraud" / "champion").unlink()
    with pytest.raises(ArtefactError, match="'fraud' has no champion"):
        load_cast(folder, fits)


def test_a_champion_that_does_not_fit_leaves_its_predecessor_in_use(folder: Path) -> None:
    """The other model's new champion is taken all the same."""
    held = load_cast(folder, fits)
    set_champion(folder, "fraud", "v2")
    set_champion(folder, "recommendation", "v3")
    cast = load_cast(folder, no_v2, held)
    assert set(cast.models) == {"fraud@v1", "recommendation@v3"}
    assert cast.refused == {"fraud@v2": "hash 0, registered 1; fraud@v1 stays in use"}


@pytest.mark.parametrize("broken", [b"", b"not a model"])
def test_a_model_that_cannot_be_read_is_refused(folder: Path, broken: bytes) -> None:
    """Whatever onnxruntime raises."""
    held = load_cast(folder, fits)
    (folder / "fraud" / "v2" / MODEL_FILE).write_bytes(broken)
    set_champion(folder, "fraud", "v2")
    cast = load_cast(folder, fits, held)
    assert cast.champions == held.champions
    assert "model.onnx cannot be loaded" in cast.refused["fraud@v2"]


def test_a_fraud_model_without_thresholds_is_refused(folder: Path) -> None:
    """It could not say LOW, MEDIUM or HIGH."""
    card = load_card(folder / "fraud" / "v2").model_copy(update={"thresholds": None})
    save_card(card, folder / "fraud" / "v2")
    run_experiments(folder, [experiment()])
    assert "has no thresholds" in load_cast(folder, fits).refused["fraud@v2"]


def test_a_recommendation_model_without_candidates_is_refused(folder: Path) -> None:
    """It could not rank anything."""
    held = load_cast(folder, fits)
    (folder / "recommendation" / "v2" / "candidates.parquet").unlink()
    set_champion(folder, "recommendation", "v2")
    cast = load_cast(folder, fits, held)
    assert cast.champions == held.champions
    assert "candidates" in cast.refused["recommendation@v2"]


def test_an_experiment_whose_challenger_cannot_be_used_rests(folder: Path) -> None:
    """The champion answers everybody; both reasons are told."""
    run_experiments(folder, [experiment()])
    cast = load_cast(folder, no_v2)
    assert cast.running == ()
    assert set(cast.refused) == {"fraud@v2", "experiment more-trees"}


def test_a_shadow_that_cannot_be_used_is_left_out(folder: Path) -> None:
    """The experiment runs."""
    run_experiments(folder, [experiment(challenger="v3", shadows=("v2",))])
    cast = load_cast(folder, no_v2)
    assert [one.shadows for one in cast.running] == [()]
    assert set(cast.refused) == {"fraud@v2"}


def test_an_experiment_rests_while_another_champion_is_in_use(folder: Path) -> None:
    """A rollback in the middle of an experiment takes effect for everybody, and the arms are not mixed."""
    run_experiments(folder, [experiment()])
    set_champion(folder, "fraud", "v3")
    cast = load_cast(folder, fits)
    assert set(cast.models) == {"fraud@v3", "recommendation@v1"}
    assert cast.refused["experiment more-trees"].startswith("it compares with v1, and v3 is in use")


def test_a_broken_file_of_experiments_ends_none_of_the_answers(folder: Path) -> None:
    """The champions answer, the reason is told."""
    (folder / EXPERIMENTS_FILE).write_text("{")
    cast = load_cast(folder, fits)
    assert set(cast.models) == {"fraud@v1", "recommendation@v1"}
    assert "no experiment is applied" in cast.refused[EXPERIMENTS_FILE]


def test_a_folder_that_holds_another_model_is_refused(folder: Path) -> None:
    """As one copied to the wrong place."""
    held = load_cast(folder, fits)
    (folder / "fraud" / "v2" / "card.json").write_bytes(
        (folder / "recommendation" / "v2" / "card.json").read_bytes()
    )
    set_champion(folder, "fraud", "v2")
    assert "holds a model 'recommendation', not 'fraud'" in load_cast(folder, fits, held).refused["fraud@v2"]
