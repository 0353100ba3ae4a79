"""Rows of stock Feast are read by our online store and the reverse; what is stored is the same, byte for byte."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import polars as pl
import pytest
from feast import FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.data_source import PushMode
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values
from feast.types import String, from_value_type
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.stores.provider import FEW_ROWS
from ingestion.stores.push import push_rows
from ingestion.stores.redis_online.cells import NULLS
from tests.integration.ingestion.stores import online_repo
from tests.services import RunningRedis
from tests.unit.ingestion.stores.value_strategies import VALUES

NOW = datetime.now(UTC).replace(microsecond=123_000)

VISITS = pl.DataFrame(
    {
        "user_id": ["ada", "größe", "ada"],
        "shop_id": [1, -(2**40), 2],
        "visits_1h": [3, 0, 2**60],
        "spent_1h": [1.5, 0.0, -2.25],
        "goods_1h": [1, 0, 130],
        "spent_mean_1h": [0.5, None, 1e300],
        "last_good_1h": ["x" * 300, None, ""],
        "event_timestamp": [NOW, NOW - timedelta(days=9), NOW - timedelta(microseconds=1)],
    }
)

EVERY_TYPE = pd.DataFrame(
    {
        "user_id": ["ada"],
        "t_int32": [-7],
        "t_int64": [2**53],
        "t_float32": [0.5],
        "t_float64": [1 / 3],
        "t_bool": [True],
        "t_string": ["naïve"],
        "t_bytes": [b"\x00\xff"],
        "t_time": [pd.Timestamp("2026-01-02T03:04:05Z")],
        "t_int64s": [[1, 2, 3]],
        "t_strings": [["a", ""]],
        "t_doubles": [[0.25]],
        "t_bools": [[True, False]],
        "t_set": [{"only"}],
        "t_map": [{"k": "v"}],
        "event_timestamp": [pd.Timestamp(NOW)],
    }
)

Stores = tuple[FeatureStore, FeatureStore]


@pytest.fixture
def stores(tmp_path: Path, redis_server: RunningRedis) -> Iterator[Stores]:
    """Our store and stock Feast's on one Redis and one project."""
    project = f"wire_{tmp_path.name}"
    ours = online_repo.ours(tmp_path / "ours", redis_server.address, project)
    stock = online_repo.stock(tmp_path / "stock", redis_server.address, project)
    yield ours, stock
    asyncio.run(ours.close())
    online_repo.close_stock(stock)


def stored(server: RunningRedis, project: str) -> dict[bytes, dict[bytes, bytes]]:
    """Everything Redis holds of a project; its entities are taken away."""
    with server.client() as client:
        found = {key: client.hgetall(key) for key in client.scan_iter(f"*{project}")}
        for key in found:
            client.unlink(key)
    return found


def test_pushed_bytes_are_those_of_stock_feast(stores: Stores, redis_server: RunningRedis) -> None:
    """Stock push through stock store, stock push through ours, and push_rows leave the same hashes."""
    ours, stock = stores
    stock.push("visits_push", VISITS.to_pandas(), to=PushMode.ONLINE)
    of_stock = stored(redis_server, stock.project)
    ours.push("visits_push", VISITS.to_pandas(), to=PushMode.ONLINE)
    of_push = stored(redis_server, stock.project)
    push_rows(ours, "visits", VISITS)
    of_rows = stored(redis_server, stock.project)
    assert len(of_stock) == 3
    assert of_push == of_stock
    assert of_rows == of_stock


@pytest.fixture
def by_columns(tmp_path: Path, redis_server: RunningRedis) -> Iterator[FeatureStore]:
    """Our store behind the provider that hands columns over."""
    made = online_repo.ours(
        tmp_path / "columns", redis_server.address, f"wire_{tmp_path.name}", provider=online_repo.COLUMNS
    )
    yield made
    asyncio.run(made.close())


def many(frame: pd.DataFrame) -> pd.DataFrame:
    """So many rows that they are handed over in columns."""
    users = [f"user {n}" for n in range(FEW_ROWS)]
    return pd.concat([frame.iloc[:1].assign(user_id=user) for user in users], ignore_index=True)


@pytest.mark.parametrize(
    ("view", "frame"),
    [
        pytest.param("visits", VISITS.to_pandas(), id="few rows"),
        pytest.param("visits", many(VISITS.to_pandas()), id="many rows"),
        pytest.param("every_type", many(EVERY_TYPE), id="every type"),
    ],
)
def test_a_push_by_columns_leaves_the_bytes_of_stock_feast(
    stores: Stores, by_columns: FeatureStore, redis_server: RunningRedis, view: str, frame: pd.DataFrame
) -> None:
    """FeatureStore's own methods, sync and async, with the provider that makes no protobuf objects."""
    _, stock = stores
    stock.write_to_online_store(view, frame)
    of_stock = stored(redis_server, stock.project)
    by_columns.write_to_online_store(view, frame)
    assert stored(redis_server, stock.project) == of_stock
    asyncio.run(by_columns.write_to_online_store_async(view, frame))
    assert stored(redis_server, stock.project) == of_stock


def test_a_push_by_columns_names_what_is_missing(by_columns: FeatureStore) -> None:
    """A frame without a feature of the view is refused, nothing is written."""
    with pytest.raises(ValueError, match="t_bool"):
        by_columns.provider.ingest_df(
            by_columns.get_feature_view("every_type"), many(EVERY_TYPE).drop(columns=["t_bool"])
        )


def test_another_online_store_behind_the_provider_is_written_as_feast_does(
    tmp_path: Path, redis_server: RunningRedis
) -> None:
    """Feast's own Redis store knows no columns."""
    section = f"  type: redis\n  connection_string: {redis_server.address}\n"
    store = online_repo.repository(tmp_path, section, f"wire_{tmp_path.name}", online_repo.COLUMNS)
    store.write_to_online_store("visits", many(VISITS.to_pandas()))
    assert len(stored(redis_server, store.project)) == FEW_ROWS
    online_repo.close_stock(store)


def test_both_read_what_the_other_wrote(stores: Stores) -> None:
    """Values of every type are read equal, whoever wrote them."""
    ours, stock = stores
    references = [f"every_type:{name}" for name in online_repo.EVERY_TYPE]
    entity = [{"user_id": "ada"}]
    expected = {name: [value] for name, value in EVERY_TYPE.iloc[0].items() if name != "event_timestamp"}
    stock.write_to_online_store("every_type", EVERY_TYPE)
    assert ours.get_online_features(references, entity).to_dict() == expected
    again = EVERY_TYPE.assign(event_timestamp=EVERY_TYPE.event_timestamp + timedelta(seconds=1))
    ours.write_to_online_store("every_type", again)
    assert stock.get_online_features(references, entity).to_dict() == expected


def test_columns_of_every_type_are_the_bytes_of_stock_feast(
    stores: Stores, redis_server: RunningRedis
) -> None:
    """write_columns falls back to Feast's own conversion for lists, sets and maps."""
    import pyarrow as pa

    ours, stock = stores
    view = ours.get_feature_view("every_type")
    stock.write_to_online_store("every_type", EVERY_TYPE)
    of_stock = stored(redis_server, stock.project)
    table = pa.Table.from_pandas(EVERY_TYPE.assign(t_set=[["only"]]))
    ours.provider.online_store.write_columns(ours.config, view, table)
    assert stored(redis_server, stock.project) == of_stock


@pytest.mark.parametrize("read", ["sync", "async"])
def test_responses_are_those_of_stock_feast(stores: Stores, read: str) -> None:
    """For entities that are there: names, order, values, statuses and timestamps; repeated rows keep their place."""
    ours, stock = stores
    push_rows(ours, "visits", VISITS.drop_nulls())
    rows = [
        {"user_id": "ada", "shop_id": 2},
        {"user_id": "ada", "shop_id": 1},
        {"user_id": "ada", "shop_id": 2},
    ]
    asked: dict[str, Any] = {
        "features": ["visits:last_good_1h", "visits:visits_1h"],
        "entity_rows": rows,
        "full_feature_names": True,
    }
    expected = stock.get_online_features(**asked)
    given = _reader(ours, read)(**asked)
    assert given.proto == expected.proto
    assert given.to_dict(include_event_timestamps=True) == expected.to_dict(include_event_timestamps=True)
    pd.testing.assert_frame_equal(given.to_df(), expected.to_df())


def test_the_pushed_frame_may_be_wider(stores: Stores, redis_server: RunningRedis) -> None:
    """Columns that are no part of the view are left out."""
    ours, _ = stores
    push_rows(ours, "visits", VISITS)
    expected = stored(redis_server, ours.project)
    push_rows(ours, "visits", VISITS.with_columns(pl.lit(1).alias("more")))
    assert stored(redis_server, ours.project) == expected


def test_a_missing_column_is_named(stores: Stores) -> None:
    """The error says which column of which view is missing and what there is."""
    with pytest.raises(
        ValueError, match=r"'visits' is written without \['spent_1h'\]; the table has \['event_timestamp'"
    ):
        push_rows(stores[0], "visits", VISITS.drop("spent_1h"))


def test_a_column_that_does_not_fit_is_named(stores: Stores) -> None:
    """The error says which feature is of which type."""
    with pytest.raises(ValueError, match=r"visits\.visits_1h is INT64, the column is (large_)?string"):
        push_rows(stores[0], "visits", VISITS.with_columns(visits_1h=pl.lit("many")))


def _reader(store: FeatureStore, read: str) -> Callable[..., Any]:
    if read == "sync":
        return store.get_online_features

    async def once(**asked: Any) -> Any:
        response = await store.get_online_features_async(**asked)
        await store.close()
        return response

    return lambda **asked: asyncio.run(once(**asked))


ANYTHING = FeatureView(
    name="anything",
    entities=[online_repo.user],
    schema=[
        Field(name="user_id", dtype=String),
        *(Field(name=name.lower(), dtype=from_value_type(ValueType[name])) for name in VALUES),
    ],
    source=FileSource(name="anything_table", path="anything.parquet", timestamp_field="event_timestamp"),
)

ROW = st.fixed_dictionaries({name: st.none() | values for name, values in VALUES.items()})


@given(row=ROW)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_of_every_value_type_travel_both_ways(stores: Stores, row: dict[str, Any]) -> None:
    """What either store wrote of any type Feast has is read by the other as it was written; a null is a null."""
    written = {
        name.lower(): python_values_to_proto_values([value], ValueType[name])[0]
        for name, value in row.items()
    }
    expected = {name: Value() if is_null(value) else value for name, value in written.items()}
    ours, stock = stores
    for number, (writer, reader) in enumerate([(ours, stock), (stock, ours)]):
        key = EntityKey(join_keys=["user_id"], entity_values=[Value(string_val=f"{uuid4()} {number}")])
        writer.provider.online_store.online_write_batch(
            writer.config, ANYTHING, [(key, written, NOW, None)], None
        )
        ((at, read),) = reader.provider.online_store.online_read(
            reader.config, ANYTHING, [key], list(written)
        )
        assert at == NOW
        assert {name: Value() if is_null(value) else value for name, value in read.items()} == expected


def is_null(value: Value) -> bool:
    """Stock Feast has two ways to write a null time."""
    return value.SerializeToString() in NULLS
