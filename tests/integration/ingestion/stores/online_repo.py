"""A feature repository of the online store's own tests: plain and windowed views, applied to a registry in a folder."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from feast import (
    Entity,
    FeatureService,
    FeatureStore,
    FeatureView,
    FileSource,
    PushSource,
    RequestSource,
    StreamFeatureView,
    ValueType,
)
from feast.aggregation import Aggregation
from feast.field import Field
from feast.infra.online_stores.redis import RedisOnlineStore as StockStore
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import (
    Array,
    Bool,
    Bytes,
    Float32,
    Float64,
    Int32,
    Int64,
    Map,
    Set,
    String,
    UnixTimestamp,
)

HOUR = timedelta(hours=1)

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
shop = Entity(name="shop", join_keys=["shop_id"], value_type=ValueType.INT64)

EVERY_TYPE = {
    "t_int32": Int32,
    "t_int64": Int64,
    "t_float32": Float32,
    "t_float64": Float64,
    "t_bool": Bool,
    "t_string": String,
    "t_bytes": Bytes,
    "t_time": UnixTimestamp,
    "t_int64s": Array(Int64),
    "t_strings": Array(String),
    "t_doubles": Array(Float64),
    "t_bools": Array(Bool),
    "t_set": Set(String),
    "t_map": Map,
}
"""A feature of each type that is compared with stock Feast."""


def _table(name: str) -> FileSource:
    return FileSource(name=f"{name}_table", path=f"{name}.parquet", timestamp_field="event_timestamp")


profile = FeatureView(
    name="profile",
    entities=[user],
    ttl=timedelta(days=1),
    schema=[
        Field(name="user_id", dtype=String),
        Field(name="age", dtype=Int64),
        Field(name="city", dtype=String),
    ],
    source=_table("profile"),
)

every_type = FeatureView(
    name="every_type",
    entities=[user],
    schema=[Field(name="user_id", dtype=String), *(Field(name=n, dtype=t) for n, t in EVERY_TYPE.items())],
    source=_table("every_type"),
)

visits = StreamFeatureView(
    name="visits",
    entities=[user, shop],
    ttl=timedelta(0),
    schema=[
        Field(name="user_id", dtype=String),
        Field(name="shop_id", dtype=Int64),
        Field(name="visits_1h", dtype=Int64),
        Field(name="spent_1h", dtype=Float64),
        Field(name="goods_1h", dtype=Int64),
        Field(name="spent_mean_1h", dtype=Float64),
        Field(name="last_good_1h", dtype=String),
    ],
    source=PushSource(name="visits_push", batch_source=_table("visits")),
    aggregations=[
        Aggregation("visit_id", "count", HOUR, name="visits_1h"),
        Aggregation("amount", "sum", HOUR, name="spent_1h"),
        Aggregation("good", "count_distinct", HOUR, name="goods_1h"),
        Aggregation("amount", "mean", HOUR, name="spent_mean_1h"),
        Aggregation("good", "last", HOUR, name="last_good_1h"),
    ],
    timestamp_field="event_timestamp",
)

totals = FeatureView(
    name="totals",
    entities=[],
    schema=[Field(name="users", dtype=Int64), Field(name="slogan", dtype=String)],
    source=_table("totals"),
)

everything = FeatureService(name="everything", features=[visits, profile[["city", "age"]]])


@on_demand_feature_view(
    sources=[visits, RequestSource(name="basket", schema=[Field(name="price", dtype=Float64)])],
    schema=[Field(name="price_to_spent", dtype=Float64)],
    mode="python",
)
def comparison(inputs: dict[str, Any]) -> dict[str, Any]:
    pairs = zip(inputs["price"], inputs["spent_1h"], strict=True)
    return {"price_to_spent": [price / spent if spent else None for price, spent in pairs]}


compared = FeatureService(name="compared", features=[comparison, profile[["age"]]])


@on_demand_feature_view(
    sources=[profile],
    schema=[Field(name="age_next_year", dtype=Int64), Field(name="shouted", dtype=String)],
    mode="pandas",
)
def next_year(inputs: pd.DataFrame) -> pd.DataFrame:
    made = inputs[[]].copy()
    made["age_next_year"] = inputs["age"] + 1
    made["shouted"] = inputs["city"].str.upper()
    return made


friends = FeatureService(
    name="friends",
    features=[
        profile[["age"]].with_name("me"),
        profile[["age"]].with_name("friend").with_join_key_map({"user_id": "friend_id"}),
    ],
)

OBJECTS: Sequence[Any] = (
    user,
    shop,
    profile,
    every_type,
    visits,
    totals,
    comparison,
    next_year,
    everything,
    compared,
    friends,
)


COLUMNS = "ingestion.stores.provider.ColumnProvider"


def repository(folder: Path, online_store: str, project: str, provider: str = "local") -> FeatureStore:
    """A feature store in ``folder`` whose ``online_store`` section is given as yaml, definitions applied."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "feature_store.yaml").write_text(
        f"project: {project}\nprovider: {provider}\nregistry: registry.db\n"
        f"offline_store: {{type: file}}\nentity_key_serialization_version: 3\nonline_store:\n{online_store}"
    )
    store = FeatureStore(repo_path=str(folder))
    store.apply(list(OBJECTS))
    return store


def ours(folder: Path, address: str, project: str, more: str = "", provider: str = "local") -> FeatureStore:
    """The repository with our online store."""
    section = f"  type: ingestion.stores.online.RedisOnlineStore\n  connection_string: {address}\n{more}"
    return repository(folder, section, project, provider)


def stock(folder: Path, address: str, project: str) -> FeatureStore:
    """The repository with Feast's own Redis store."""
    return repository(folder, f"  type: redis\n  connection_string: {address}\n", project)


def close_stock(store: FeatureStore) -> None:
    """Stock Feast leaves its connections to the garbage collector."""
    online = store.provider.online_store
    assert isinstance(online, StockStore)
    if online._client is not None:
        online._client.close()
