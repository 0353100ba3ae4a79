import socket
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from artefact import CARD_FILE, MODEL_FILE, ArtefactError, Card, champion_path, load_card, load_overrides
from artefact.folder import PAGE_FILE, VERDICT_FILE
from tests.unit.training.cards import END
from tests.unit.training.cards import small_card as card
from training import publish as publishing
from training.overruling import NEVER_JUDGED, promote_judged
from training.promotion import judge
from training.publish import REPORT_FILE, TrainedModel, named, publish
from training.registry import main
from training.report import card_markdown
from training.settings import TrainingSettings
from training.verdict import Check, Verdict
from training.versions import champion, models, promote, promotions, rollback, versions


@pytest.fixture
def settings(tmp_path: Path) -> TrainingSettings:
    return TrainingSettings(data_dir=tmp_path)


GOOD = Check("calibration", holds=True, detail="mean error 0.01")
BAD = Check("latency of scoring", holds=False, detail="one row in 900 us")


def trained_model(settings: TrainingSettings, described: Card, *checks: Check) -> TrainedModel:
    """A small artefact, judged by these checks."""
    files = {MODEL_FILE: b"model"}
    return publish(settings, named(described, files, END), files, "<!doctype html>", judge(checks, settings))


def published(settings: TrainingSettings, auc: float = 0.9, created: datetime = END) -> str:
    """Version of a small artefact that is fit for use."""
    return trained_model(settings, card(created, auc), GOOD).card.version


def test_an_artefact_is_whole_and_in_use(settings: TrainingSettings) -> None:
    """The version tells the end of the data and the content."""
    trained = trained_model(settings, card(), GOOD)
    assert trained.path == champion_path(settings.models_dir, "fraud")
    assert sorted(file.name for file in trained.path.iterdir()) == sorted(
        [CARD_FILE, MODEL_FILE, PAGE_FILE, REPORT_FILE, VERDICT_FILE]
    )
    assert trained.card.version.startswith("20260601T120000Z-")
    assert load_card(trained.path) == trained.card


def test_the_same_run_twice_gives_the_same_artefact(settings: TrainingSettings) -> None:
    """Only the time at which it was made differs, and the first one stays."""
    first = published(settings)
    assert published(settings, created=END + timedelta(days=1)) == first
    assert versions(settings.models_dir, "fraud") == [first]
    assert load_card(champion_path(settings.models_dir, "fraud")).created == END


def test_other_figures_make_another_version(settings: TrainingSettings) -> None:
    """So does another model of the same figures."""
    other_model = named(card(), {MODEL_FILE: b"other"}, END).version
    assert len({published(settings, 0.9), published(settings, 0.8), other_model}) == 3


def test_a_version_does_not_tell_when_and_by_what_code_it_was_made() -> None:
    """The card does."""
    files = {MODEL_FILE: b"model"}
    changed = card().model_copy(update={"created": END + timedelta(days=1), "git_revision": "abc+"})
    assert named(changed, files, END).version == named(card(), files, END).version


def test_a_version_that_failed_a_check_is_kept_and_not_used(settings: TrainingSettings) -> None:
    """The champion stays; its verdict says why, and is read back."""
    first = published(settings, 0.7)
    failed = trained_model(settings, card(auc=0.8), GOOD, BAD)
    assert failed.verdict.summary == "not promoted: latency of scoring"
    assert champion(settings.models_dir, "fraud") == first
    assert Verdict.load(failed.path) == failed.verdict


def test_a_version_that_failed_is_promoted_only_on_purpose(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the check."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    version = trained_model(settings, card(), BAD).card.version
    assert main(["promote", "fraud", version]) == 1
    assert "latency of scoring" in capsys.readouterr().err
    assert main(["promote", "fraud", version, "--anyway", " "]) == 1
    assert champion(settings.models_dir, "fraud") is None
    assert main(["promote", "fraud", version, "--anyway", "the machine was busy"]) == 0
    assert champion(settings.models_dir, "fraud") == version


def test_who_overrules_a_check_is_kept_with_the_version(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Account, machine, reason, time and what the check had found; shown in the card and in the list."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LOGNAME", "ada")
    failed = trained_model(settings, card(), GOOD, BAD)
    assert main(["promote", "fraud", failed.card.version, "--anyway", "the machine | was\nbusy"]) == 0
    (kept,) = load_overrides(failed.path)
    assert kept.by == f"ada@{socket.gethostname()}"
    assert kept.failed == {"latency of scoring": "one row in 900 us"}
    assert kept.reason == "the machine | was\nbusy"
    assert timedelta() <= datetime.now(UTC) - kept.time < timedelta(minutes=1)
    capsys.readouterr()
    assert main(["show", "fraud"]) == 0
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for text in ("Checks overruled", "the machine | was busy", "latency of scoring (one row in 900 us)"):
        assert text in shown


def test_nothing_is_overruled_where_all_checks_held(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reason given all the same is not kept."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    trained = trained_model(settings, card(), GOOD)
    assert main(["promote", "fraud", trained.card.version, "--anyway", "to be sure"]) == 0
    assert load_overrides(trained.path) == ()


def test_a_version_that_was_never_judged_is_promoted_for_a_reason(settings: TrainingSettings) -> None:
    """The record says that nothing was known; each promotion adds one."""
    trained = trained_model(settings, card(), BAD)
    (trained.path / VERDICT_FILE).unlink()
    for reason in ("", "old", "old still"):
        with nullcontext() if reason else pytest.raises(ArtefactError, match="verdict"):
            promote_judged(settings.models_dir, "fraud", trained.card.version, reason, END)
    kept = load_overrides(trained.path)
    assert [(one.reason, one.failed, one.time) for one in kept] == [
        (reason, NEVER_JUDGED, END) for reason in ("old", "old still")
    ]


def test_a_version_that_is_not_whole_leaves_no_record(settings: TrainingSettings) -> None:
    """It is not promoted for any reason."""
    trained = trained_model(settings, card(), BAD)
    (trained.path / MODEL_FILE).unlink()
    with pytest.raises(ArtefactError, match=MODEL_FILE):
        promote_judged(settings.models_dir, "fraud", trained.card.version, "why not", END)
    assert load_overrides(trained.path) == ()


def test_a_version_is_judged_anew(settings: TrainingSettings) -> None:
    """The same model, trained again on a quieter machine."""
    trained_model(settings, card(), BAD)
    assert trained_model(settings, card(), GOOD).verdict.failed == []
    assert champion(settings.models_dir, "fraud") is not None


def test_a_model_is_promoted_only_where_the_settings_say_so(tmp_path: Path) -> None:
    """It can be promoted by hand later."""
    settings = TrainingSettings(data_dir=tmp_path, training_promote=False)
    version = published(settings)
    assert champion(settings.models_dir, "fraud") is None
    promote(settings.models_dir, "fraud", version)
    assert champion(settings.models_dir, "fraud") == version


def test_an_interrupted_publication_leaves_nothing(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No half a version, no temporary folder."""

    def disk_full(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(publishing, "save_card", disk_full)
    with pytest.raises(OSError, match="no space"):
        published(settings)
    assert list((settings.models_dir / "fraud").iterdir()) == []


def test_a_promotion_can_be_taken_back(settings: TrainingSettings) -> None:
    """Step by step, to the first one."""
    first, second, third = (published(settings, auc) for auc in (0.7, 0.8, 0.9))
    assert rollback(settings.models_dir, "fraud") == second
    assert rollback(settings.models_dir, "fraud") == first == champion(settings.models_dir, "fraud")
    with pytest.raises(ArtefactError, match=f"no earlier champion.*{third}"):
        rollback(settings.models_dir, "fraud")


def test_promoting_the_champion_changes_nothing(settings: TrainingSettings) -> None:
    """A rollback still finds what was before it."""
    first, second = published(settings, 0.7), published(settings, 0.8)
    promote(settings.models_dir, "fraud", second)
    assert promotions(settings.models_dir, "fraud") == [first, second]


def test_a_version_that_is_not_there_is_not_promoted(settings: TrainingSettings) -> None:
    """The champion stays."""
    version = published(settings)
    with pytest.raises(ArtefactError, match="nothing"):
        promote(settings.models_dir, "fraud", "nothing")
    assert champion(settings.models_dir, "fraud") == version


def test_the_registry_lists_shows_promotes_and_rolls_back(
    settings: TrainingSettings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By command, on the data folder of the environment."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("COLUMNS", "200")
    first, second = published(settings, 0.7), published(settings, 0.8)
    assert main(["list"]) == 0
    assert main(["show", "fraud"]) == 0
    assert main(["promote", "fraud", first]) == 0
    assert main(["rollback", "fraud"]) == 0
    printed = capsys.readouterr().out
    assert printed.count(first) >= 2
    assert "random_forest" in printed
    assert f"{second} is in use again" in printed
    assert list(models(settings.models_dir)) == ["fraud"]


@pytest.mark.parametrize(
    "command",
    [["show", "fraud"], ["show", "fraud", "../x"], ["promote", "fraud", "v0"], ["rollback", "fraud"]],
)
def test_what_the_registry_cannot_do_it_says(
    command: list[str],
    settings: TrainingSettings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit status 1, the reason on stderr, no traceback."""
    monkeypatch.setenv("SHOP_DATA_DIR", str(settings.data_dir))
    assert main(command) == 1
    assert "fraud" in (error := capsys.readouterr().err) or "../x" in error


def test_the_page_of_a_card_has_its_figures() -> None:
    """Nested figures as tables, inputs with what they looked like."""
    page = card_markdown(card())
    for line in (
        "# fraud unnamed",
        "| risk | MEDIUM from 0.0200, HIGH from 0.4000 |",
        "| code | unknown revision |",
        "| auc | 0.9 |",
        "|  | recall | precision |",
        "| medium | 0.8 |  |",
        "| 0.1 | 0.12 |",
        "| amount | Float64 | 25.0% | 12.5 | 1 .. 99 |",
        "| country | String, 2 values | 0.0% | GR |  |",
    ):
        assert line in page.splitlines()


def test_parquet_files_of_equal_tables_are_equal() -> None:
    """A version is a hash over them."""
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert publishing.parquet_bytes(frame) == publishing.parquet_bytes(frame.clone())
