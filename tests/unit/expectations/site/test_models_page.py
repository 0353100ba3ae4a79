"""The page of models: what is in use, and reports that become part of the site."""

from pathlib import Path

from artefact import set_champion
from artefact.folder import VERDICT_FILE
from expectations.site.models_page import collect_experiments, collect_versions, models_area
from tests.kept_reports import keep_models

BAD = "20260401T000000Z-4567cdef"


def test_versions_are_listed_with_their_checks_and_their_reports(tmp_path: Path) -> None:
    """The newest first; reports are copied, so that the site is whole without the models folder."""
    keep_models(tmp_path)
    versions = collect_versions(tmp_path, tmp_path / "reports")
    assert [(v.champion, v.failed) for v in versions] == [(True, ()), (False, ("calibration",))]
    assert all(v.page and (tmp_path / "reports" / v.page).is_file() for v in versions)
    area = models_area(versions, collect_experiments(tmp_path, tmp_path / "reports"))
    assert area.tone == "good"
    assert 'href="experiments/more-trees.html"' in "".join(area.body)


def test_a_champion_that_failed_a_check_is_to_be_looked_at(tmp_path: Path) -> None:
    """Somebody promoted it all the same; the way back is named."""
    keep_models(tmp_path)
    set_champion(tmp_path / "models", "fraud", BAD)
    (problem,) = models_area(collect_versions(tmp_path, tmp_path / "reports"), []).problems
    assert "although it failed calibration" in problem.what
    assert "python -m training.registry rollback fraud" in problem.action


def test_a_version_without_verdict_or_report_is_shown_as_such(tmp_path: Path) -> None:
    """Not judged; no link that leads nowhere."""
    keep_models(tmp_path)
    folder = tmp_path / "models" / "fraud" / BAD
    (folder / VERDICT_FILE).unlink()
    (folder / "report.html").unlink()
    version = collect_versions(tmp_path, tmp_path / "reports")[1]
    assert (version.failed, version.page) == (None, None)
    assert "not judged" in "".join(models_area([version], []).body)


def test_without_a_model_none_is_in_use(tmp_path: Path) -> None:
    """An empty data folder is no error."""
    area = models_area(collect_versions(tmp_path, tmp_path), collect_experiments(tmp_path, tmp_path))
    assert (area.tone, area.number) == ("unknown", "no model")
