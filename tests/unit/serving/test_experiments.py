"""``python -m serving.experiments`` over a models folder."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from artefact import InputFeature
from artefact.experiments import load_experiments
from serving.experiments import main
from tests.small_models import save_model, small_card

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
START = ("start", "more-trees", "--model", "fraud", "--challenger", "v2", "--share", "0.1")


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three versions of the fraud model; the last that was written, v1, is in use."""
    monkeypatch.setenv("SHOP_MODELS_DIR", str(tmp_path))
    for version in ("v3", "v2", "v1"):
        inputs = [InputFeature(name="transaction_amount", dtype="Float64")]
        save_model(small_card("fraud", inputs, version=version), tmp_path)
    return tmp_path


def run(*arguments: str, now: datetime = NOON) -> int:
    return main(arguments, now=lambda: now)


def test_an_experiment_starts_with_the_champion_in_use(models: Path) -> None:
    """Its salt is its own, its start is now."""
    assert run(*START, "--shadow", "v3") == 0
    (one,) = load_experiments(models)
    assert (one.champion, one.challenger, one.share, one.shadows) == ("v1", "v2", 0.1, ("v3",))
    assert one.started == NOON
    assert len(one.salt) == 16


def test_it_is_stopped_and_stays_in_the_list(models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its report needs to know when it ran."""
    run(*START)
    assert run("stop", "more-trees", now=NOON + timedelta(days=2)) == 0
    assert run("list") == 0
    assert "2026-06-03" in capsys.readouterr().out
    (one,) = load_experiments(models)
    assert not one.running


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*START[:-1], "0.7"), "share 0.7: Input should be less than or equal to 0.5"),
        ((*START[:5], "v9", *START[6:]), "'fraud' has no version 'v9'; .*training.registry list"),
        ((*START[:-2],), "a challenger and its share are given together"),
        ((*START, "--shadow", "v1"), "version 'v1' has two parts"),
        (("stop", "other"), "no experiment 'other' runs; none does"),
        (("start", "x", "--model", "recommendation", "--shadow", "v2"), "'recommendation' has no champion"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_out(
    models: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1, one line, the file as it was."""
    assert run(*arguments) == 1
    assert re.search(message, capsys.readouterr().err)
    assert load_experiments(models) == ()
