"""What Feast 0.67 does unexpectedly where rows are served, shown on stock Feast, and that it does not happen here.

Trap 9 (an unset variable in feature_store.yaml) is held in test_online_servers, the rest of traps 4 and 5 in
test_online_read and test_online_write. Traps 2, 3 and 13 are in test_feast_offline_traps, 1, 10, 11 and 16 in
test_feast_repository_traps.
"""

import asyncio
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from feast import FeatureService, FeatureStore
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus

from ingestion.stores.push import push_rows
from ingestion.stores.redis_online.write import SCRIPT_ROWS
from serving.registry import open_store
from tests.integration.ingestion.stores import online_repo
from tests.services import RunningRedis

NOW = datetime.now(UTC)
Stores = tuple[FeatureStore, FeatureStore]


@pytest.fixture
def stores(tmp_path: Path, redis_server: RunningRedis) -> Iterator[Stores]:
    """Our store and stock Feast's on one Redis and one project."""
    project = f"traps_{tmp_path.name}"
    ours = online_repo.ours(tmp_path / "ours", redis_server.address, project)
    stock = online_repo.stock(tmp_path / "stock", redis_server.address, project)
    yield ours, stock
    asyncio.run(ours.close())
    online_repo.close_stock(stock)


def profile(ages: dict[str, int], at: datetime) -> pd.DataFrame:
    rows = {"user_id": list(ages), "age": list(ages.values()), "city": ["Paris"] * len(ages)}
    return pd.DataFrame({**rows, "event_timestamp": pd.to_datetime([at] * len(ages), utc=True)})


def read(store: FeatureStore, *users: str) -> tuple[list[Any], list[int]]:
    response = store.get_online_features(["profile:age"], [{"user_id": user} for user in users])
    return response.to_dict()["age"], list(response.proto.results[1].statuses)


def test_trap_4_stock_feast_serves_old_rows_and_calls_unknown_entities_present(stores: Stores) -> None:
    """A view's ttl is not looked at on read, and nobody is NOT_FOUND; through our store both are told."""
    ours, stock = stores
    stock.write_to_online_store("profile", profile({"old": 80}, NOW - timedelta(days=2)))
    assert read(stock, "old", "nobody") == ([80, None], [FieldStatus.PRESENT] * 2)
    assert read(ours, "old", "nobody") == ([None, None], [FieldStatus.OUTSIDE_MAX_AGE, FieldStatus.NOT_FOUND])


def test_trap_5_stock_feast_skips_a_row_of_the_stored_instant(stores: Stores) -> None:
    """Without a word; through our store the later of two rows of one instant stays."""
    ours, stock = stores
    for store, expected in ((stock, 1), (ours, 2)):
        user = store.repo_path.name
        store.write_to_online_store("profile", profile({user: 1}, NOW))
        store.write_to_online_store("profile", profile({user: 2}, NOW))
        assert read(store, user)[0] == [expected]


def test_trap_6_rows_are_written_by_many_and_read_in_one_go(
    stores: Stores, redis_server: RunningRedis
) -> None:
    """Stock Feast sends two commands for each row it writes; here 64 rows are one command, and a read one round trip."""
    ours, _ = stores
    frame = pl.from_pandas(profile({str(n): n for n in range(10 * SCRIPT_ROWS)}, NOW))
    push_rows(ours, "profile", frame)
    with redis_server.client() as client:
        client.config_resetstat()
        push_rows(ours, "profile", frame)
        assert client.info("commandstats")["cmdstat_evalsha"]["calls"] == 10
        client.config_resetstat()
        before = client.info("stats")["total_reads_processed"]
        ours.get_online_features(
            ["profile:age", "every_type:t_bool", "totals:users"], [{"user_id": "1"}, {"user_id": "2"}]
        )
        # One read from our connection; the others are these questions.
        assert client.info("stats")["total_reads_processed"] - before <= 2


def test_trap_7_precomputed_services_raise_for_unknown_entities(stores: Stores) -> None:
    """precompute_online of a service raises where nothing is precomputed; without it the service is read as any other."""
    ours, _ = stores
    views = [ours.get_feature_view("profile")[["age"]]]
    ours.apply(
        [
            FeatureService(name="eager", features=views, precompute_online=True),
            FeatureService(name="plain", features=views),
        ]
    )
    with pytest.raises(
        RuntimeError, match="precompute_online=True but pre-computed vectors could not be read"
    ):
        ours.get_online_features(ours.get_feature_service("eager"), [{"user_id": "nobody"}])
    response = ours.get_online_features(ours.get_feature_service("plain"), [{"user_id": "nobody"}])
    assert response.to_dict()["age"] == [None]


SECOND_PROCESS = """
import sys
from feast import FeatureStore
store = FeatureStore(sys.argv[1])
rows = [{"user_id": "ada", "shop_id": 1, "price": 5.0}]
print(store.get_online_features(["comparison:price_to_spent"], rows).to_dict()["price_to_spent"])
"""


def test_trap_8_on_demand_views_run_from_their_source_in_another_process(stores: Stores) -> None:
    """Names of their module are not there in another process: what a view needs it imports inside."""
    ours, _ = stores
    row = {"user_id": ["ada"], "shop_id": [1], "visits_1h": [1], "spent_1h": [2.5], "goods_1h": [1]}
    push_rows(
        ours,
        "visits",
        pl.DataFrame({**row, "spent_mean_1h": [2.5], "last_good_1h": ["a"], "event_timestamp": [NOW]}),
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SECOND_PROCESS, str(ours.repo_path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ran.stdout.splitlines()[-1] == "[2.0]"


HELP = """
import sys
from ingestion.sweep import main
try:
    main(["--help"])
except SystemExit:
    print(sorted({"feast", "great_expectations", "pandas"} & set(sys.modules)))
"""


def test_trap_12_help_does_not_import_feast() -> None:
    """Importing Feast takes five seconds; the sweep's --help answers without."""
    ran = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_trap_14_a_read_does_not_wait_for_the_registry(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the registry's time to live is over, stock Feast reads it anew inside the request; the API never does."""
    ours, stock = stores
    reads: dict[str, int] = {}
    for name, store in (("stock", stock), ("api", open_store(ours.repo_path))):
        reads[name] = 0
        read(store, "nobody")
        kept = store.registry._registry_store
        stored = kept.get_registry_proto

        def counted(name: str = name, stored: Callable[[], Any] = stored) -> Any:
            reads[name] += 1
            return stored()

        monkeypatch.setattr(kept, "get_registry_proto", counted)
        store.registry.cached_registry_proto_created = datetime.now(UTC) - timedelta(days=99)
        read(store, "nobody")
    assert reads["stock"] > 0
    assert reads["api"] == 0
