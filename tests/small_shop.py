"""A small feature store for the tests of the stores: one event type, two tables, a view of every kind."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
from feast import (
    Entity,
    FeatureService,
    FeatureStore,
    FeatureView,
    Field,
    FileSource,
    RepoConfig,
    RequestSource,
    ValueType,
)
from feast.aggregation import Aggregation
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64, String

from ingestion.archive import TIMESTAMP_TYPE, Archive
from ingestion.derive import event_type, windowed_view
from ingestion.folder import Folder
from tests.oracle import Event

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)

_ID = {"type": "string", "minLength": 1}

user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
product = Entity(name="product", join_keys=["product_id"], value_type=ValueType.STRING)

orders = event_type(
    "orders",
    {
        "order_id": _ID,
        "event_timestamp": {"type": "string", "format": "date-time"},
        "user_id": _ID,
        "product_id": _ID,
        "amount": {"type": "number"},
    },
    event_id="order_id",
    description="Orders.",
    dedup_horizon=timedelta(hours=1),
)


def _window(column: str, function: str, minutes: int, hop: int) -> Aggregation:
    return Aggregation(column, function, timedelta(minutes=minutes), timedelta(minutes=hop))


user_orders = windowed_view(
    "user_orders",
    entities=[user],
    events=orders,
    description="How a customer orders.",
    aggregations=[
        _window("order_id", "count", 10, 1),
        _window("order_id", "count", 60, 5),
        _window("amount", "sum", 60, 5),
        _window("amount", "mean", 180, 60),
        _window("amount", "max", 60, 60),
        _window("product_id", "count_distinct", 60, 5),
        _window("product_id", "last", 180, 60),
    ],
)

user_profile = FeatureView(
    name="user_profile",
    entities=[user],
    ttl=timedelta(hours=2),
    schema=[
        Field(name="user_id", dtype=String),
        Field(name="level", dtype=Int64),
        Field(name="city", dtype=String),
    ],
    source=FileSource(
        name="user_profile_table",
        path="tables/user_profile",
        timestamp_field="event_timestamp",
        created_timestamp_column="created_timestamp",
        field_mapping={"lvl": "level"},
    ),
)

affinity = FeatureView(
    name="affinity",
    entities=[user, product],
    ttl=timedelta(0),
    schema=[
        Field(name="user_id", dtype=String),
        Field(name="product_id", dtype=String),
        Field(name="score", dtype=Float64),
    ],
    source=FileSource(name="affinity_table", path="tables/affinity", timestamp_field="event_timestamp"),
)

request = RequestSource(name="request", schema=[Field(name="asked_amount", dtype=Float64)])


@on_demand_feature_view(
    sources=[request, user_orders],
    schema=[Field(name="amount_above_mean", dtype=Float64)],
    mode="python",
)
def order_context(inputs: dict[str, Any]) -> dict[str, Any]:
    pairs = zip(inputs["asked_amount"], inputs["user_amount_mean_3h"], strict=True)
    return {"amount_above_mean": [None if mean is None else amount - mean for amount, mean in pairs]}


everything = FeatureService(name="everything", features=[user_orders, user_profile, affinity, order_context])


class RefuseSmallBatches:
    """A gate that wants two rows, and holds back those of a user called "bad"."""

    def __init__(self, root: str) -> None:
        self.root = root

    def __call__(
        self, view: FeatureView, frame: pl.DataFrame, registry: BaseRegistry, project: str
    ) -> pl.Series:
        registered = registry.get_any_feature_view(view.name, project)
        if frame.height < 2:
            raise ValueError(f"{registered.name} in {self.root}: {frame.height} rows are too few")
        return frame["user_id"] != "bad"


WHOLE_FILE = "ingestion.stores.registry_store.WholeFileRegistryStore"


def small_shop(
    folder: Path, online: dict[str, Any], *, project: str = "small", gate: str = "", root: str = "data"
) -> FeatureStore:
    """The store with everything applied.

    Args:
        folder: Where the registry lies.
        online: Settings of the online store.
        project: Name of the project.
        gate: Dotted path of what a batch must pass before it is written online.
        root: Where its data lies; relative to `folder`.
    """
    config = RepoConfig(
        project=project,
        provider="local",
        registry={"path": str(folder / "registry.db"), "registry_store_type": WHOLE_FILE},
        offline_store={"type": "ingestion.stores.offline.ParquetOfflineStore", "root": root},
        online_store=online,
        batch_engine={"type": "ingestion.stores.engine.WindowEngine", "gate": gate},
        entity_key_serialization_version=3,
        repo_path=folder,
    )
    store = FeatureStore(config=config)
    store.apply(
        [user, product, orders.stream, user_orders, user_profile, affinity, order_context, everything]
    )
    return store


def write_orders(
    folder: Path | str, events: Sequence[Event], *, first_offset: int = 0, partition: int = 0
) -> None:
    """Archive events as if they had come from one partition: key is the user, values hold product_id and amount."""
    rows = [
        (e.event_id, e.key[0], e.values["product_id"], e.values["amount"], e.time, e.arrival) for e in events
    ]
    schema = {
        "order_id": pl.String,
        "user_id": pl.String,
        "product_id": pl.String,
        "amount": pl.Float64,
        "event_timestamp": pl.Int64,
        "arrival_timestamp": pl.Int64,
    }
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_row_index("_offset", first_offset)
    times = dict.fromkeys(["event_timestamp", "arrival_timestamp"], TIMESTAMP_TYPE)
    archive = Archive(f"{folder}/data", "orders")
    archive.write(frame.cast(times).with_columns(_topic=pl.lit("orders"), _partition=partition))


def write_table(folder: Path | str, name: str, **columns: Any) -> None:
    """Add a file to a table; the columns of times hold aware datetimes."""
    frame = pl.DataFrame(columns).with_columns(pl.col(pl.Datetime).cast(TIMESTAMP_TYPE))
    table = Folder(f"{folder}/data/tables/{name}")
    table.publish({f"{len(table.files())}.parquet": frame})


def order(
    order_id: str,
    user_id: str,
    minutes: float,
    *,
    product_id: str = "x",
    amount: float | None = 1.0,
    late: float = 0,
) -> Event:
    """An order some minutes after noon that arrived `late` minutes after it happened."""
    time = microseconds(NOON + timedelta(minutes=minutes))
    values = {"order_id": order_id, "product_id": product_id, "amount": amount}
    return Event((user_id,), time, time + round(late * 60_000_000), order_id, values)


def microseconds(instant: datetime) -> int:
    """Microseconds since the epoch."""
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def entity_rows(*rows: tuple[str, str, float], amount: float = 5.0) -> pd.DataFrame:
    """Rows of (user, product, minutes after noon), with the request's amount."""
    return pd.DataFrame(
        {
            "user_id": [row[0] for row in rows],
            "product_id": [row[1] for row in rows],
            "event_timestamp": [NOON + timedelta(minutes=row[2]) for row in rows],
            "asked_amount": amount,
        }
    )
