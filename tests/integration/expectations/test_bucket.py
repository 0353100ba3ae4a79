"""Checks of an archive in a bucket, on a server that speaks S3."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.__main__ import main
from expectations.archive import known_keys
from expectations.days import partitions
from expectations.settings import QualitySettings
from ingestion.archive import Archive
from ingestion.folder import Folder
from tests.integration.expectations.frames import PRODUCTS, orders
from tests.services import Bucket


@pytest.fixture
def root(tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two days of orders, the second of unknown products, and the catalogue; reports go to a folder."""
    root = f"{bucket.url}/shop"
    monkeypatch.setenv("SHOP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("SHOP_HISTORY_ROOT", root)
    archive = Archive(root, "orders")
    archive.write(orders()[:100])
    archive.write(orders()[100:])
    later = pl.col("event_timestamp", "arrival_timestamp") + timedelta(days=1)
    archive.write(orders().with_columns(later, product_id=pl.lit("unheard of")))
    Folder(f"{root}/tables/product_catalogue").publish({"1.parquet": pl.DataFrame({"product_id": PRODUCTS})})
    return root


def test_an_archive_in_a_bucket_is_checked(
    root: str, repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one of this machine: days, files, tables; what fails is printed, reports lie on this machine."""
    found = partitions(QualitySettings(), ["orders"])
    assert [(day.name, len(day.files), day.read().height) for day in found] == [
        ("2026-01-01", 2, 200),
        ("2026-01-02", 1, 200),
    ]
    assert known_keys(QualitySettings())["product_id"] == set(PRODUCTS)
    assert main(["check", "--repo", str(repo), "--event", "orders", "--date", "2026-01-01"]) == 0
    assert main(["check", "--repo", str(repo)]) == 1
    assert "observed ['unheard of'] in 200 rows" in capsys.readouterr().out
    assert (tmp_path / "data" / "reports" / "index.html").exists()


def test_nothing_in_a_bucket_names_it(root: str, repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And the setting that says where else to look."""
    assert main(["check", "--repo", str(repo), "--date", "1999-01-01"]) == 2
    printed = capsys.readouterr().out.replace("\n", "")
    assert f"{root}/archive" in printed
    assert "SHOP_HISTORY_ROOT" in printed
