"""The calculator against real measurements: a Redis that is filled through the store, windows, and archived files."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from feast import FeatureStore

from feature_repo import definitions
from infra.capacity.__main__ import main
from infra.capacity.coefficients import Coefficients
from infra.capacity.demand import archive_bytes, row_bytes, state_of
from infra.capacity.registry import of_store
from ingestion.events.simulator import Shop, ShopConfig
from ingestion.stores.push import push_rows
from ingestion.stream.registry import event_topics
from tests.benchmarks.sizes import filled, written_bytes
from tests.services import RunningRedis
from tests.serving_shop import OUR_STORE, configuration

END = datetime(2026, 3, 1, tzinfo=UTC)
END_US = int(END.timestamp() * 1e6)
DAYS = 2
NEAR = 0.4
"""How far a measurement may lie from what is calculated, of the measurement."""


@pytest.fixture(scope="module")
def events() -> Mapping[str, pl.DataFrame]:
    """Two days of a shop that the benchmark does not measure."""
    config = ShopConfig(present=END, customers=3_000, products=200, sessions_per_customer_day=1.0)
    return Shop(config, seed=11).history(END - timedelta(days=DAYS), END).archives


@pytest.fixture
def store(tmp_path: Path, own_redis: RunningRedis) -> FeatureStore:
    """The real definitions over the real online store."""
    history = {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(tmp_path / "data")}
    config = configuration("shop", OUR_STORE, own_redis.address) | {"offline_store": history}
    (tmp_path / "feature_store.yaml").write_text(yaml.safe_dump(config))
    opened = FeatureStore(repo_path=str(tmp_path))
    opened.apply([getattr(definitions, name) for name in definitions.__all__])
    return opened


def test_redis_windows_and_archive_are_as_large_as_calculated(
    tmp_path: Path, store: FeatureStore, own_redis: RunningRedis, events: Mapping[str, pl.DataFrame]
) -> None:
    """For as many entities, tiles and events as there are: views in Redis, windows in memory, files of both topics.

    Not of 200 products: windows of so few entities are mostly room for a batch, which the calculator leaves out.
    """
    cost = Coefficients.read()
    specs = {spec.name: (topic.name, spec) for topic in event_topics(store) for spec in topic.specs}
    for name in ("user_orders", "user_views", "user_product_views"):
        topic, spec = specs[name]
        fill = filled(spec, events[topic].sort(spec.timestamp_column), END_US)
        rows = fill.executor.rows()
        calculated = rows.height * (cost["redis_entity_bytes"] + row_bytes(fill.view, cost))
        assert calculated == pytest.approx(_taken(store, own_redis, name, rows), rel=NEAR), name
        assert state_of(fill.view, *fill.counts, cost) == pytest.approx(fill.executor.nbytes, rel=NEAR), name
    for topic in of_store(store).topics:
        if topic.name in ("orders", "page_views"):
            frame = events[topic.name]
            written = written_bytes(tmp_path, topic.name, frame)
            assert frame.height * archive_bytes(topic, cost) == pytest.approx(written, rel=NEAR), topic.name


GIVEN = [
    "--peak-events",
    "100",
    "--mean-events",
    "50",
    "--users",
    "1000",
    "--active-users",
    "100",
    "--products",
    "50",
    "--predictions",
    "10",
]
SHARES = ["--share", "orders=0.1", "--share", "page_views=0.89", "--share", "chargebacks=0.01"]


@pytest.mark.usefixtures("store")
def test_the_command_plans_for_a_registry(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As JSON for each multiple of the load; a thousand times of it needs more of everything that is divided."""
    repo = ["--feature-repo", str(tmp_path)]
    assert main([*GIVEN, *SHARES, *repo, "--times", "1", "1000", "--json"]) == 0
    small, large = json.loads(capsys.readouterr().out)
    assert small["workers"] == 1
    assert set(small["demand"]["state_by_view"]) < set(small["demand"]["online_by_view"])
    assert large["redis_bytes"] > 100 * small["redis_bytes"]
    assert large["archive_bytes"] == pytest.approx(1_000 * small["archive_bytes"])
    assert main([*GIVEN, *SHARES, *repo]) == 0
    assert "as many device_id as users" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.usefixtures("store")
def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The share of a topic that is registered, with the way out; a folder without a registry."""
    assert main([*GIVEN, "--share", "orders=1", "--feature-repo", str(tmp_path)]) == 1
    assert "give --share " in capsys.readouterr().err
    assert main([*GIVEN, *SHARES, "--feature-repo", str(tmp_path / "absent")]) == 1
    assert "name another folder with --feature-repo" in capsys.readouterr().err


def _taken(store: FeatureStore, redis: RunningRedis, view: str, rows: pl.DataFrame) -> int:
    """Memory that the rows take in an empty Redis."""
    with redis.client() as client:
        client.execute_command("FLUSHALL", "SYNC")  # else it is freed beside what is measured
        before = int(client.info("memory")["used_memory"])
        push_rows(store, view, rows)
        assert client.dbsize() == rows.height
        return int(client.info("memory")["used_memory"]) - before
