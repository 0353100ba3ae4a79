"""The batch job on a feature store with the shop's definitions."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from feast import FeatureStore

from feature_repo import definitions
from ingestion.archive import Archive
from ingestion.batch.__main__ import main

MAY_1 = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A feature repository with the shop's definitions and two days of events."""
    repo = tmp_path / "repo"
    repo.mkdir()
    config = {
        "project": "shop",
        "provider": "local",
        "registry": str(tmp_path / "registry.db"),
        "offline_store": {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": "../data"},
        "online_store": {"type": "sqlite", "path": str(tmp_path / "online.db")},
        "entity_key_serialization_version": 3,
    }
    (repo / "feature_store.yaml").write_text(yaml.safe_dump(config))
    shop = [
        definitions.product,
        definitions.product_statistics,
        definitions.product_orders,
        definitions.product_views,
    ]
    FeatureStore(str(repo)).apply(shop)
    archive(tmp_path, "orders", "order_id", ("a", 1, 1), ("a", 2, 2), ("b", 30, 60))
    archive(tmp_path, "page_views", "view_id", ("a", 1, 1), ("b", 3, 3))
    return repo


def archive(folder: Path, name: str, event_id: str, *rows: tuple[str, float, float], first: int = 0) -> None:
    """Events of (product, hour at which it happened, hour at which it arrived)."""
    frame = pl.DataFrame(
        {
            event_id: [f"e{i}" for i in range(first, first + len(rows))],
            "product_id": [row[0] for row in rows],
            "event_timestamp": [MAY_1 + timedelta(hours=row[1]) for row in rows],
            "arrival_timestamp": [MAY_1 + timedelta(hours=row[2]) for row in rows],
        }
    )
    Archive(folder / "data", name).write(frame)


def table(repo: Path) -> pl.DataFrame:
    return pl.read_parquet(repo.parent / "data/tables/product_statistics/*.parquet").sort("event_timestamp")


def ranks(repo: Path) -> dict[tuple[date, str], int]:
    rows = table(repo).with_columns(pl.col("event_timestamp").dt.date())
    return {(day, product): rank for product, _, rank, day, _ in rows.iter_rows()}


def test_each_midnight_has_a_file_with_what_was_known(repo: Path) -> None:
    """An order of May 2 that arrived on May 3 counts from the midnight of May 4 on."""
    assert main(["--repo", str(repo), "--as-of", "2024-05-04T09:00:00Z"]) == 0
    orders = {key for key, rank in ranks(repo).items() if rank == 1}
    assert orders == {(date(2024, 5, day), "a") for day in (2, 3, 4)}
    assert table(repo).filter(product_id="b")["product_conversion"].round(4).to_list() == [
        0.9804,
        0.9804,
        1.4902,
    ]


def test_a_second_run_computes_the_newest_midnight_and_the_new_ones(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was archived late for the newest one is picked up; older files stay as they are."""
    main(["--repo", str(repo), "--as-of", "2024-05-04T09:00:00Z"])
    archive(repo.parent, "page_views", "view_id", *[("b", 5.0, 5.0)] * 3, first=10)
    before = {
        path: path.read_bytes() for path in (repo.parent / "data/tables/product_statistics").glob("*.parquet")
    }
    main(["--repo", str(repo), "--as-of", "2024-05-05T00:00:00Z"])
    assert "2 midnights" in capsys.readouterr().out
    assert sorted(path.stem for path in before if path.read_bytes() != before[path]) == ["2024-05-04"]
    main(["--repo", str(repo), "--as-of", "2024-05-05T00:00:00Z", "--again"])
    assert all(path.read_bytes() != old for path, old in before.items())


def test_a_repeated_event_counts_once(repo: Path) -> None:
    """As in the windows."""
    main(["--repo", str(repo), "--as-of", "2024-05-02T00:00:00Z"])
    once = table(repo)
    archive(repo.parent, "orders", "order_id", ("b", 5, 5), ("b", 6, 6), first=0)
    main(["--repo", str(repo), "--as-of", "2024-05-02T00:00:00Z"])
    assert table(repo).equals(once)


def test_the_view_finds_the_rows_of_its_table(repo: Path) -> None:
    """A row at midnight counts from midnight on, for seven days."""
    main(["--repo", str(repo), "--as-of", "2024-05-02T09:00:00Z"])
    instants = [MAY_1 + timedelta(days=days) for days in (0.9, 1, 8, 8.1)]
    rows = pl.DataFrame({"product_id": "a", "event_timestamp": instants}).to_pandas()
    found = FeatureStore(str(repo)).get_historical_features(
        rows, ["product_statistics:product_popularity_rank"]
    )
    assert pl.from_arrow(found.to_arrow())["product_popularity_rank"].to_list() == [None, 1, 1, None]


def test_without_events_nothing_is_written(
    repo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No midnight is made up before the first event."""
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    assert main(["--repo", str(repo), "--as-of", "2024-05-04T09:00:00Z"]) == 0
    assert "0 midnights" in capsys.readouterr().out


def test_an_instant_without_zone_is_refused(repo: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the way to write it."""
    with pytest.raises(SystemExit):
        main(["--repo", str(repo), "--as-of", "2024-05-04T09:00:00"])
    assert "2024-05-04T09:00:00Z" in capsys.readouterr().err


def test_help_does_not_import_feast() -> None:
    """It answers at once."""
    code = "import sys; from ingestion.batch import __main__; assert 'feast' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
