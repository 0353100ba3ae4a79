"""Definitions other than the shop's, on 1,754,155 raw transactions."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from feast import FeatureStore
from numpy.typing import NDArray

from tests.repos.handbook import definitions
from tests.repos.handbook.load import read_transactions, write_archives

DATA = Path(os.environ.get("SHOP_TEST_DATA_DIR", "../shared/data")) / "handbook_transactions.parquet"
ASKED = 20_000
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not DATA.exists(), reason=f"no real data at {DATA}; set SHOP_TEST_DATA_DIR"),
]
YAML = """
project: handbook
provider: local
registry: registry.db
offline_store: {type: ingestion.stores.offline.ParquetOfflineStore, root: data}
online_store: {type: sqlite, path: online.db}
batch_engine: {type: ingestion.stores.engine.WindowEngine}
entity_key_serialization_version: 3
"""


@pytest.fixture(scope="module")
def transactions() -> pl.DataFrame:
    return read_transactions(DATA)


@pytest.fixture(scope="module")
def store(transactions: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> FeatureStore:
    repo = tmp_path_factory.mktemp("handbook")
    (repo / "feature_store.yaml").write_text(YAML)
    shutil.copy(definitions.__file__, repo)
    write_archives(transactions, repo / "data")
    feast = FeatureStore(repo_path=str(repo))
    feast.apply([o for o in vars(definitions).values() if type(o).__module__.startswith("feast.")])
    return feast


def trailing(
    times: NDArray[np.int64], values: NDArray[np.float64], start: int, end: int
) -> NDArray[np.float64]:
    """Values with start < time <= end, by a scan."""
    return values[(times > start) & (times <= end)]


def test_features_of_the_handbook_equal_a_scan_of_its_file(
    store: FeatureStore, transactions: pl.DataFrame
) -> None:
    """Counts and means over 1, 7 and 30 days of customers and of terminals' labels, for drawn transactions."""
    asked = transactions.sample(ASKED, seed=7).with_columns(
        pl.col("event_timestamp") + timedelta(microseconds=999_999)
    )
    service = [f"{v.name}:{f.name}" for v in store.list_stream_feature_views() for f in v.features]
    entity_rows = asked.select("transaction_id", "event_timestamp", "customer_id", "terminal_id").to_pandas()
    ours = pl.from_pandas(store.get_historical_features(entity_rows, service).to_df())
    assert ours["transaction_id"].to_list() == asked["transaction_id"].to_list()
    for row in ours.sample(400, seed=1).iter_rows(named=True):
        compare(row, transactions, "customer", "transactions", "amount", 0)
        compare(row, transactions, "terminal", "labels", "fraud", 7)


def compare(
    row: dict[str, object], raw: pl.DataFrame, entity: str, event: str, column: str, delay_days: int
) -> None:
    """Hold the windows of one row against the raw file."""
    own = raw.filter(pl.col(f"{entity}_id") == row[f"{entity}_id"])
    times = (own["event_timestamp"] + timedelta(days=delay_days)).dt.epoch("s").to_numpy()
    values = own[column].cast(pl.Float64).to_numpy()
    t = int(row["event_timestamp"].timestamp())  # type: ignore[attr-defined]  # a datetime
    for days in (1, 7, 30):
        inside = trailing(times, values, t - days * 86_400, t)
        assert row[f"{entity}_{event}_count_{days}d"] == len(inside)
        mean = row[f"{entity}_{column}_mean_{days}d"]
        if len(inside):
            assert mean == pytest.approx(inside.mean(), rel=1e-9, abs=1e-12)
        else:
            assert mean is None or np.isnan(mean)  # type: ignore[call-overload]  # pandas has NaN for null
