"""What Feast 0.67 does unexpectedly with histories, shown on stock Feast, and that it does not happen here."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from feast import FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.types import Float64, String

from tests.small_shop import NOON, entity_rows, small_shop, user, write_table

HOUR = timedelta(hours=1)


@pytest.fixture
def ours(tmp_path: Path) -> FeatureStore:
    """The small shop with the affinities of one user, and a table that is one file as pandas wrote it."""
    store = small_shop(tmp_path, {"type": "sqlite", "path": str(tmp_path / "ours.db")})
    columns = {"user_id": ["a"], "product_id": ["x"], "score": [0.5]}
    write_table(tmp_path, "affinity", **columns, event_timestamp=[NOON])
    columns = {"user_id": ["b"], "lvl": [1], "city": ["Rome"], "created_timestamp": [NOON - HOUR]}
    write_table(tmp_path, "user_profile", **columns, event_timestamp=[NOON - HOUR])
    table = tmp_path / "data/rates.parquet"
    times = pd.to_datetime([NOON - HOUR]).astype("datetime64[ns, UTC]")
    pd.DataFrame({"user_id": ["a"], "rate": [0.5], "event_timestamp": times}).to_parquet(table)
    source = FileSource(name="rates", path=str(table), timestamp_field="event_timestamp")
    schema = [Field(name="user_id", dtype=String), Field(name="rate", dtype=Float64)]
    store.apply([FeatureView(name="rates", entities=[user], schema=schema, source=source)])
    return store


def stock(folder: Path, offline: str) -> FeatureStore:
    """Stock Feast with one of its offline stores on the same registry and the same files."""
    return FeatureStore(
        config=RepoConfig(
            project="small",
            provider="local",
            registry=str(folder / "registry.db"),
            offline_store={"type": offline},
            online_store={"type": "sqlite", "path": str(folder / "stock.db")},
            entity_key_serialization_version=3,
            repo_path=folder / "data",
        )
    )


def rate(value: float) -> pd.DataFrame:
    return pd.DataFrame({"user_id": ["a"], "rate": [value], "event_timestamp": [NOON]})


def test_trap_2_stock_feast_drops_rows_of_the_training_set(ours: FeatureStore, tmp_path: Path) -> None:
    """Repeated ones and those older than the history, and not always in their order; here rows in are rows out.

    All kinds of rows are in test_offline_store.py.
    """
    rows = entity_rows(("a", "x", 30), ("b", "x", 0), ("a", "x", 30), ("a", "x", -60))
    features = ["affinity:score", "user_profile:city"]
    dropped = stock(tmp_path, "dask").get_historical_features(rows, features).to_df()
    assert sorted(zip(dropped["user_id"], dropped["score"].fillna(0), strict=True)) == [("a", 0.5), ("b", 0)]
    kept = ours.get_historical_features(rows, features).to_df()
    assert kept["user_id"].tolist() == ["a", "b", "a", "a"]
    assert kept["score"].fillna(0).tolist() == [0.5, 0, 0.5, 0]


def test_trap_3_stock_feast_writes_over_the_table(
    ours: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full amid a push, stock Feast has lost the table; here it is as it was.

    Files added to a folder: test_offline_store.py. Writers at once: test_single_file.py, test_archive.py.
    """

    def full(*_: Any, **__: Any) -> None:
        raise OSError("No space left on device")

    table = tmp_path / "data/rates.parquet"
    before = table.read_bytes()
    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(OSError, match="No space"):
        ours.write_to_offline_store("rates", rate(0.75))
    assert table.read_bytes() == before
    with pytest.raises(OSError, match="No space"):
        stock(tmp_path, "dask").write_to_offline_store("rates", rate(0.75))
    assert pq.read_metadata(table).num_rows == 0


@pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")
def test_trap_13_stock_feast_cannot_materialize_nanoseconds(ours: FeatureStore, tmp_path: Path) -> None:
    """Which pandas writes, and DuckDB 2 does not compare; here they are read, and microseconds are written."""
    interval = NOON - 2 * HOUR, NOON
    with pytest.raises(duckdb.ConversionException, match="TIMESTAMPTZ_NS"):
        stock(tmp_path, "duckdb").materialize(*interval, feature_views=["rates"])
    ours.materialize(*interval, feature_views=["rates"])
    assert ours.get_online_features(["rates:rate"], [{"user_id": "a"}]).to_dict()["rate"] == [0.5]
    row = {"user_id": ["a"], "product_id": ["x"], "score": [0.5], "event_timestamp": [pd.Timestamp(NOON)]}
    times = {"event_timestamp": "datetime64[ns, UTC]"}
    ours.write_to_offline_store("affinity", pd.DataFrame(row).astype(times))
    written = sorted((tmp_path / "data/tables/affinity").glob("*-*.parquet"))
    assert [pl.read_parquet_schema(file)["event_timestamp"] for file in written] == [pl.Datetime("us", "UTC")]
