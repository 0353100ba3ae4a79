"""A shop of one topic for the stream worker's tests: its feature repo, its orders, and what the oracle says about them."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from confluent_kafka import Producer
from feast import Entity, FeatureStore, ValueType
from feast.aggregation import Aggregation

from ingestion.archive import Archive
from ingestion.compile import compile_view, windowed_views
from ingestion.derive import event_type, windowed_view
from tests import oracle

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
USERS = [f"user_{n}" for n in range(7)]
PRODUCTS = [f"product_{n}" for n in range(5)]

_CONFIG = """\
project: {project}
provider: local
registry: {{path: registry.db, cache_ttl_seconds: 60}}
offline_store: {{type: ingestion.stores.offline.ParquetOfflineStore, root: data}}
online_store: {{type: ingestion.stores.online.RedisOnlineStore, connection_string: "{redis}"}}
entity_key_serialization_version: 3
"""


@dataclass(frozen=True)
class Order:
    """One purchase; the time is the event time."""

    order_id: str
    at: datetime
    user: str
    product: str
    amount: float

    def message(self) -> bytes:
        return json.dumps(
            {
                "order_id": self.order_id,
                "event_timestamp": self.at.isoformat(),
                "user_id": self.user,
                "product_id": self.product,
                "amount": self.amount,
            }
        ).encode()


def orders(count: int, first: int = 0, before: timedelta = timedelta(seconds=5)) -> list[Order]:
    """Orders of the last seconds, every ninth of them an hour old."""
    end = datetime.now(UTC)

    def at(n: int) -> datetime:
        return end - before * (count - n) / count - (HOUR if n % 9 == 0 else timedelta())

    return [
        Order(f"o{n + first}", at(n), USERS[n * n % 7], PRODUCTS[n * 3 % 5], 1 + n % 11 / 10)
        for n in range(count)
    ]


@dataclass(frozen=True)
class StreamShop:
    """A feature repo in a folder, applied; topic, group and project are its own."""

    folder: Path
    bootstrap: str
    redis: str
    name: str = field(default_factory=lambda: f"orders_{uuid.uuid4().hex[:8]}")

    def configure(self) -> None:
        """Write feature_store.yaml."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = _CONFIG.format(project=self.name, redis=self.redis)
        (self.folder / "feature_store.yaml").write_text(config)

    def apply(self) -> None:
        """Configure, and register two windowed views over the topic."""
        self.configure()
        self.store().apply(definitions(self.name))

    def store(self) -> FeatureStore:
        return FeatureStore(repo_path=str(self.folder))

    @property
    def archive(self) -> Archive:
        return Archive(self.folder / "data", self.name)

    def environment(self, **more: str) -> dict[str, str]:
        own = {
            "SHOP_FEATURE_REPO": str(self.folder),
            "SHOP_DATA_DIR": str(self.folder / "data"),
            "SHOP_KAFKA_BOOTSTRAP": self.bootstrap,
            "SHOP_STREAM_GROUP": self.name,
            "SHOP_DEAD_LETTER_TOPIC": f"{self.name}_dead",
            "SHOP_STREAM_ARCHIVE_SECONDS": "0.5",
        }
        return {**own, **more}

    def send(self, messages: Sequence[Order | bytes]) -> None:
        """Returns once the broker has them all; an order's key is its user."""
        refused: list[Any] = []
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 2})
        for sent in messages:
            value, key = (sent.message(), sent.user) if isinstance(sent, Order) else (sent, "rubbish")
            producer.produce(self.name, value, key, on_delivery=lambda e, _: refused.append(e) if e else None)
            producer.poll(0)
        assert producer.flush(30) == 0
        assert not refused

    def archived(self) -> pl.DataFrame:
        """Every archived row; no columns before the first."""
        archive = self.archive
        return archive.scan(None, None).collect() if archive.days() else pl.DataFrame()

    def differences(self, sent: Sequence[Order], store: FeatureStore) -> list[str]:
        """Where `get_online_features` and the oracle differ now, over all entities and features."""
        now_us = _micros(datetime.now(UTC))
        return [
            f"{spec.name} {key}: {feature} is {ours!r}, should be {truth!r}"
            for spec in map(compile_view, windowed_views(store))
            for key, row in _served(store, spec).items()
            for feature, (ours, truth) in oracle.differences(
                spec, row, oracle.row(spec, _events(sent, spec.join_keys[0]), (key,), now_us)
            ).items()
        ]


def definitions(name: str, *, longer: bool = False) -> list[Any]:
    """Two entities, the archive, the topic, two windowed views; one window of the user's may be longer."""
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    product = Entity(name="product", join_keys=["product_id"], value_type=ValueType.STRING)
    text = {"type": "string", "minLength": 1}
    events = event_type(
        name,
        {
            "order_id": text,
            "event_timestamp": {"type": "string", "format": "date-time"},
            "user_id": text,
            "product_id": text,
            "amount": {"type": "number", "exclusiveMinimum": 0},
        },
        event_id="order_id",
        description="Orders of a test.",
    )
    users = windowed_view(
        "user_orders",
        entities=[user],
        events=events,
        description="Of a user.",
        aggregations=[
            Aggregation("order_id", "count", (20 if longer else 10) * MINUTE, MINUTE),
            Aggregation("amount", "sum", DAY, HOUR),
            Aggregation("product_id", "last", DAY, HOUR),
        ],
    )
    products = windowed_view(
        "product_orders",
        entities=[product],
        events=events,
        description="Of a product.",
        aggregations=[
            Aggregation("user_id", "count_distinct", DAY, HOUR),
            Aggregation("amount", "max", DAY, HOUR),
        ],
    )
    return [user, product, events.archive, events.stream, users, products]


def _served(store: FeatureStore, spec: Any) -> dict[str, dict[str, Any]]:
    key = spec.join_keys[0]
    entities = USERS if key == "user_id" else PRODUCTS
    features = [f"{spec.name}:{feature.name}" for feature in spec.features]
    rows = store.get_online_features(features, [{key: entity} for entity in entities]).to_dict()
    return {entity: {f.name: rows[f.name][n] for f in spec.features} for n, entity in enumerate(entities)}


def _events(sent: Sequence[Order], key: str) -> list[oracle.Event]:
    return [
        oracle.Event(
            key=(order.user if key == "user_id" else order.product,),
            time=_micros(order.at),
            arrival=_micros(order.at),
            event_id=order.order_id,
            values={
                "order_id": order.order_id,
                "amount": order.amount,
                "user_id": order.user,
                "product_id": order.product,
            },
        )
        for order in sent
    ]


def _micros(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
