"""`python -m expectations`, on an archive of a few days."""

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.__main__ import main
from expectations.days import partitions
from expectations.settings import QualitySettings
from tests.integration.expectations.frames import PRODUCTS, orders


def archive(data: Path, frame: pl.DataFrame, day: str, name: str = "1") -> None:
    folder = data / "archive" / "orders" / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / f"{name}.parquet")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with two days: the second holds unknown products."""
    folder = tmp_path / "shop"
    monkeypatch.setenv("SHOP_DATA_DIR", str(folder))
    second = orders().with_columns(
        pl.col("event_timestamp", "arrival_timestamp") + timedelta(days=1), product_id=pl.lit("unheard of")
    )
    archive(folder, orders()[:100], "2026-01-01", "1")
    archive(folder, orders()[100:], "2026-01-01", "2")
    archive(folder, second, "2026-01-02")
    (folder / "tables" / "product_catalogue").mkdir(parents=True)
    pl.DataFrame({"product_id": PRODUCTS}).write_parquet(
        folder / "tables" / "product_catalogue" / "1.parquet"
    )
    return folder


def test_a_clean_day_is_status_0(data: Path, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The day's files are one batch; the table and the report are printed."""
    assert main(["check", "--repo", str(repo), "--event", "orders", "--date", "2026-01-01"]) == 0
    printed = capsys.readouterr().out
    assert "passed" in printed
    assert "200" in printed
    assert str(data / "reports" / "index.html") in printed


def test_a_failing_day_is_status_1_and_does_not_stop_the_others(
    data: Path, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without options every event type and day is checked, its rows and beside other days; what failed is printed."""
    assert main(["check", "--repo", str(repo)]) == 1
    printed = capsys.readouterr().out
    assert "expect_column_values_to_be_in_set(product_id): observed ['unheard of'] in 200 rows" in printed
    assert printed.count("passed") == 3
    assert "1 of 4 checks failed" in (data / "reports" / "index.html").read_text()


def test_files_that_are_being_joined_count_once(tmp_path: Path) -> None:
    """The small ones while the joined one is written, it alone once it is complete."""
    settings, day = QualitySettings(data_dir=tmp_path), tmp_path / "archive" / "orders" / "date=2026-01-01"
    for name in ("1", "2", "12"):
        archive(tmp_path, orders()[:100], "2026-01-01", name)
    joins, names = day.parents[0] / "_joins", [f"{day.name}/{name}.parquet" for name in ("1", "2")]
    joins.mkdir()
    for stage, counting in (("writing", ["1", "2"]), ("joined", ["12"]), ("cleared", ["12"])):
        join = {"file": f"{day.name}/12.parquet", "replaces": names, "stage": stage, "since_us": 0}
        (joins / "12.json").write_text(json.dumps(join))
        assert [Path(file).stem for file in partitions(settings, ["orders"])[0].files] == counting


def test_the_whole_archive_is_one_batch(data: Path, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both days of orders together: one line, named after its first and last day."""
    assert main(["check", "--repo", str(repo), "--whole"]) == 1
    printed = capsys.readouterr().out
    assert "2026-01-01_2026-01-02" in printed
    assert "400" in printed


def test_nothing_to_check_is_status_2_and_names_the_folder(
    data: Path, repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A date without files is no success."""
    assert main(["check", "--repo", str(repo), "--date", "1999-01-01"]) == 2
    assert "SHOP_DATA_DIR" in capsys.readouterr().out


def test_reports_are_built_from_what_was_kept(data: Path, repo: Path) -> None:
    """`report` makes the page again."""
    main(["check", "--repo", str(repo), "--date", "2026-01-01"])
    (data / "reports" / "index.html").unlink()
    assert main(["report"]) == 0
    assert "All 2 checks passed" in (data / "reports" / "index.html").read_text()


def test_unfinished_files_are_not_read(data: Path) -> None:
    """A name that begins with a dot or an underscore is somebody's temporary file."""
    archive(data, orders(), "2026-01-01", ".tmp")
    archive(data, orders(), "2026-01-03", "_tmp")
    found = partitions(QualitySettings(), ["orders"])
    assert [(p.first, len(p.files)) for p in found] == [(date(2026, 1, 1), 2), (date(2026, 1, 2), 1)]
