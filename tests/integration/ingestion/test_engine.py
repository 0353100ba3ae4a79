"""`feast materialize` and `feast materialize-incremental` of a real feature store into a real Redis."""

import math
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pandas as pd
import polars as pl
import pytest
from feast import BatchFeatureView, FeatureStore, FeatureView, Field, FileSource, RepoConfig
from feast.errors import FeatureViewNotFoundException
from feast.repo_config import RegistryConfig
from feast.types import Float64, String

from ingestion.stores import engine
from ingestion.stores.engine import EngineError, load_gate
from ingestion.stores.latest import latest_of_windows
from ingestion.stores.online_rows import Writer, writer_of
from ingestion.stores.sources import Source
from ingestion.windows.revised import REVISED
from tests.services import RunningRedis
from tests.small_shop import (
    NOON,
    entity_rows,
    order,
    small_shop,
    user,
    user_orders,
    write_orders,
    write_table,
)

HOUR = timedelta(hours=1)
WINDOWS = [f"user_orders:{f.name}" for f in user_orders.features]


@pytest.fixture(params=["redis", "sqlite"])
def online_store(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Settings of our online store, and of one of Feast's."""
    if request.param == "sqlite":
        return {"type": "sqlite", "path": str(tmp_path / "online.db")}
    server: RunningRedis = request.getfixturevalue("redis_server")
    return {"type": "ingestion.stores.online.RedisOnlineStore", "connection_string": server.address}


def shop(folder: Path, online_store: dict[str, Any], **options: Any) -> FeatureStore:
    """Affinities of one user, on either side of noon; a project of its own in the shared Redis."""
    columns = {"user_id": ["a"] * 3, "product_id": ["x"] * 3, "score": [0.25, 0.5, 0.75]}
    write_table(folder, "affinity", **columns, event_timestamp=[NOON - HOUR, NOON, NOON + HOUR])
    return small_shop(folder, online_store, project=f"small_{uuid.uuid4().hex[:8]}", **options)


@pytest.fixture
def store(tmp_path: Path, online_store: dict[str, Any]) -> FeatureStore:
    return shop(tmp_path, online_store)


def minutes(value: float) -> datetime:
    return NOON + timedelta(minutes=value)


def online(store: FeatureStore, features: list[str], *users: str) -> list[dict[str, Any]]:
    rows = [{"user_id": user, "product_id": "x"} for user in users]
    found = store.get_online_features(features, rows).to_dict()
    names = [name for name in found if name not in {"user_id", "product_id"}]
    return [{name: found[name][i] for name in names} for i in range(len(users))]


def same(ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None or theirs != theirs:  # noqa: PLR0124  # NaN is pandas' null
        return ours is None and (theirs is None or theirs != theirs)  # noqa: PLR0124
    return math.isclose(ours, theirs, rel_tol=1e-9) if isinstance(ours, float) else bool(ours == theirs)


def test_what_is_served_equals_history_at_the_end(store: FeatureStore, tmp_path: Path) -> None:
    """Windowed and plain views, for users with and without recent events."""
    write_orders(
        tmp_path,
        [
            order(f"o{i}", "ab"[i % 2], -170 + 11 * i, product_id="xyz"[i % 3], amount=float(i))
            for i in range(15)
        ]
        + [order("late", "a", -1, late=30), order("o3", "a", -2)],
    )
    store.materialize(minutes(-600), NOON, feature_views=["user_orders", "affinity"])
    features = [*WINDOWS, "affinity:score"]
    expected = store.get_historical_features(entity_rows(("a", "x", 0), ("b", "x", 0)), features).to_df()
    for served, row in zip(online(store, features, "a", "b"), expected.to_dict("records"), strict=True):
        assert {name: value for name, value in served.items() if not same(value, row[name])} == {}


def test_every_entity_is_written_however_old_its_last_change(store: FeatureStore, tmp_path: Path) -> None:
    """A window that reaches back behind the start is complete, and so is the entity's row."""
    write_orders(tmp_path, [order("1", "a", -100), order("2", "b", -5)])
    store.materialize(minutes(-10), NOON, feature_views=["user_orders"])
    assert (
        online(store, ["user_orders:user_product_id_last_3h"], "a", "b")
        == [{"user_product_id_last_3h": "x"}] * 2
    )


def test_incremental_refreshes_who_only_lost_events(store: FeatureStore, tmp_path: Path) -> None:
    """Redis does not go on serving the counts of an hour ago."""
    write_orders(tmp_path, [order("1", "a", -5), order("2", "b", -5)])
    store.materialize(minutes(-600), NOON, feature_views=["user_orders"])
    write_orders(tmp_path, [order("3", "b", 239)], first_offset=2)
    store.materialize_incremental(minutes(240), feature_views=["user_orders"])
    names = ["user_orders:user_orders_count_1h", "user_orders:user_product_id_last_3h"]
    assert online(store, names, "a", "b") == [
        {"user_orders_count_1h": 0, "user_product_id_last_3h": None},
        {"user_orders_count_1h": 1, "user_product_id_last_3h": "x"},
    ]


def test_incremental_picks_up_late_rows(store: FeatureStore, tmp_path: Path) -> None:
    """An event from before the last run that arrived since then counts now."""
    write_orders(tmp_path, [order("1", "a", -50)])
    store.materialize(minutes(-600), NOON, feature_views=["user_orders"])
    write_orders(tmp_path, [order("2", "a", -55, late=57)], first_offset=1)
    store.materialize_incremental(minutes(4), feature_views=["user_orders"])
    assert online(store, ["user_orders:user_orders_count_1h"], "a") == [{"user_orders_count_1h": 2}]


def test_a_table_whose_columns_have_other_names_is_served(store: FeatureStore, tmp_path: Path) -> None:
    """Keys, features and both times may be mapped."""
    columns = {"who": ["a", "a"], "points": [1.0, 2.0], "at": [NOON, NOON]}
    write_table(tmp_path, "scores", **columns, stored_at=[NOON + HOUR, NOON])
    source = FileSource(
        name="scores_table",
        path="tables/scores",
        timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
        field_mapping={
            "who": "user_id",
            "points": "score",
            "at": "event_timestamp",
            "stored_at": "created_timestamp",
        },
    )
    schema = [Field(name="user_id", dtype=String), Field(name="score", dtype=Float64)]
    store.apply([FeatureView(name="scores", entities=[user], schema=schema, source=source)])
    store.materialize(NOON - HOUR, NOON, feature_views=["scores"])
    assert online(store, ["scores:score"], "a") == [{"score": 1.0}]


def test_another_offline_store_is_refused(tmp_path: Path) -> None:
    """With the name of the one whose files the engine reads."""
    ours = shop(tmp_path, {"type": "sqlite", "path": str(tmp_path / "online.db")})
    store = FeatureStore(
        config=RepoConfig(
            project=ours.project,
            provider="local",
            registry=str(tmp_path / "registry.db"),
            offline_store={"type": "dask"},
            batch_engine={"type": "ingestion.stores.engine.WindowEngine"},
            entity_key_serialization_version=3,
            repo_path=tmp_path,
        )
    )
    with pytest.raises(EngineError, match=r"is 'dask'; .*ingestion.stores.offline.ParquetOfflineStore"):
        store.materialize(NOON - HOUR, NOON, feature_views=["affinity"])


@pytest.mark.parametrize("online_store", ["redis"], indirect=True)
def test_a_newer_row_is_not_overwritten(store: FeatureStore, tmp_path: Path) -> None:
    """A materialization of the past beside a live stream leaves the stream's row."""
    write_orders(tmp_path, [order("1", "a", -5), order("2", "a", 5)])
    for end in (minutes(6), NOON):
        store.materialize(minutes(-600), end, feature_views=["user_orders"])
    assert online(store, ["user_orders:user_orders_count_1h"], "a") == [{"user_orders_count_1h": 2}]


def test_nothing_archived_is_nothing_written(store: FeatureStore) -> None:
    """An event type without events is no error."""
    store.materialize(minutes(-600), NOON, feature_views=["user_orders"])


def test_a_failing_view_fails_the_command(store: FeatureStore, tmp_path: Path) -> None:
    """With the error of the view."""
    (tmp_path / "data/tables/affinity/0.parquet").write_bytes(b"not parquet")
    with pytest.raises(pl.exceptions.ComputeError):
        store.materialize(minutes(-600), NOON, feature_views=["affinity"])
    with pytest.raises(FeatureViewNotFoundException):
        store.materialize(minutes(-600), NOON, feature_views=["unheard_of"])


def test_a_batch_that_the_gate_refuses_is_not_written(tmp_path: Path, online_store: dict[str, Any]) -> None:
    """And the command fails with the gate's report."""
    store = shop(tmp_path, online_store, gate="tests.small_shop.RefuseSmallBatches")
    with pytest.raises(ValueError, match=r"affinity in .*/data: 1 rows are too few"):
        store.materialize(minutes(-600), NOON, feature_views=["affinity"])
    assert online(store, ["affinity:score"], "a") == [{"score": None}]
    write_table(tmp_path, "affinity", user_id=["b"], product_id=["x"], score=[1.0], event_timestamp=[NOON])
    store.materialize(minutes(-600), NOON, feature_views=["affinity"])
    assert online(store, ["affinity:score"], "a", "b") == [{"score": 0.5}, {"score": 1.0}]


def test_rows_that_the_gate_holds_back_are_not_written(tmp_path: Path, online_store: dict[str, Any]) -> None:
    """The others of the batch are."""
    store = shop(tmp_path, online_store, gate="tests.small_shop.RefuseSmallBatches")
    write_table(tmp_path, "affinity", user_id=["bad"], product_id=["x"], score=[1.0], event_timestamp=[NOON])
    store.materialize(minutes(-600), NOON, feature_views=["affinity"])
    assert online(store, ["affinity:score"], "a", "bad") == [{"score": 0.5}, {"score": None}]


@pytest.mark.parametrize("online_store", ["sqlite"], indirect=True)
def test_a_view_that_transforms_its_rows_is_refused(store: FeatureStore) -> None:
    """The engine does not run user functions; it says so instead of writing untransformed rows."""

    def doubled(rows: pd.DataFrame) -> pd.DataFrame:
        return rows

    source = store.get_feature_view("affinity").batch_source
    transformed = BatchFeatureView(
        name="doubled",
        mode="pandas",
        udf=doubled,
        udf_string="",
        entities=[user],
        ttl=HOUR,
        schema=[Field(name="score", dtype=Float64)],
        source=source,
        online=True,
    )
    store.apply([transformed])
    with pytest.raises(EngineError, match="'doubled' has a transformation"):
        store.materialize(minutes(-600), NOON, feature_views=["doubled"])


@pytest.mark.parametrize("path", ["no.such.Gate", "ingestion.archive.NoSuchGate", "Gate"])
def test_a_gate_that_cannot_be_loaded_is_named(path: str) -> None:
    """With the setting in which it stands."""
    with pytest.raises(EngineError, match=f"batch_engine.gate is '{path}'"):
        load_gate(path, "data")


@pytest.mark.parametrize("online_store", ["redis"], indirect=True)
def test_incremental_leaves_a_row_of_the_same_instant_that_knows_of_a_later_event(
    store: FeatureStore, tmp_path: Path
) -> None:
    """The stream pushed a late event's row after the archive was read; its instant is that of the row it corrects.

    materialized to   0       a has an event at -7
    archive read at   4 min   b has a new event; a has lost its from the window of 10 min, at 3 min
    stream pushes     5 min   a's row of 3 min with a late event of -55; it archives it, too
    incremental writes        what it has read, a's row of 3 min without it
    """
    write_orders(tmp_path, [order("1", "a", -7)])
    store.materialize(minutes(-600), NOON, feature_views=["user_orders"])
    write_orders(tmp_path, [order("2", "b", 1)], first_offset=1)
    view = store.get_stream_feature_view("user_orders")
    source, config = Source(store.config, view.batch_source), store.config
    limit = config.offline_store.memory_limit_bytes
    read = latest_of_windows(view, source, NOON, minutes(4), only_changed=False, limit_bytes=limit)
    write_orders(tmp_path, [order("3", "a", -55, late=60)], first_offset=2)
    pushed = read.filter(user_id="a").drop(REVISED).with_columns(user_orders_count_1h=pl.lit(2))
    online_store = store._get_provider().online_store
    writer_of(config, online_store, view)(pushed, None, equal_wins=True)
    store.materialize_incremental(minutes(4), feature_views=["user_orders"])
    assert online(store, ["user_orders:user_orders_count_1h"], "a", "b") == [
        {"user_orders_count_1h": 2},
        {"user_orders_count_1h": 1},
    ]


@pytest.mark.parametrize("online_store", ["redis"], indirect=True)
def test_a_killed_materialization_is_repeated(
    store: FeatureStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after some rows, the same command writes all of them; the interval was not taken for done.

    Other programs read the view while it is written, online and of the past, and after the kill; Feast's own registry
    store lets nobody.
    """
    write_orders(tmp_path, [order(f"o{user}", user, -5) for user in "abcdef"])

    class Killed(BaseException):
        """No handler of errors sees it."""

    def killed_writer(*arguments: Any) -> Writer:
        write = writer_of(*arguments)

        def some(rows: pl.DataFrame, progress: Any, *, equal_wins: bool) -> None:
            write(rows.head(2), progress, equal_wins=equal_wins)
            raise Killed

        return some

    store.materialize(minutes(-600), minutes(-300), feature_views=["user_orders"])
    with monkeypatch.context() as patched:
        patched.setattr(engine, "writer_of", killed_writer)
        with pytest.raises(Killed):
            store.materialize_incremental(NOON, feature_views=["user_orders"])
    count = ["user_orders:user_orders_count_1h"]
    other = FeatureStore(config=store.config)
    assert sum(row["user_orders_count_1h"] for row in online(other, count, *"abcdef")) == 2
    asked = pd.DataFrame({"user_id": ["a"], "product_id": ["x"], "event_timestamp": [NOON]})
    assert other.get_historical_features(asked, count).to_df()["user_orders_count_1h"].tolist() == [1]
    stock = store.config.model_copy()
    stock.registry_config, stock._registry = RegistryConfig(path=store.config.registry.path), None
    with pytest.raises(ValueError, match="'MATERIALIZING' and cannot serve"):
        online(FeatureStore(config=stock), count, "a")
    assert other.get_stream_feature_view("user_orders").most_recent_end_time == minutes(-300)
    other.materialize_incremental(NOON, feature_views=["user_orders"])
    assert online(other, count, *"abcdef") == [{"user_orders_count_1h": 1}] * 6


@pytest.mark.parametrize("online_store", ["sqlite"], indirect=True)
def test_a_progress_bar_counts_all_rows(store: FeatureStore, tmp_path: Path) -> None:
    """Its length is known before the first row is written."""
    write_orders(tmp_path, [order(f"o{user}", user, -5) for user in "abc"])
    seen: list[int] = []

    class Progress:
        def __init__(self, length: int) -> None:
            seen.append(length)

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, rows: int) -> None:
            seen.append(rows)

    view = store.get_stream_feature_view("user_orders")
    store._get_provider().materialize_single_feature_view(
        store.config, view, minutes(-600), NOON, store.registry, store.project, Progress
    )
    assert seen[0] == sum(seen[1:]) == 3
