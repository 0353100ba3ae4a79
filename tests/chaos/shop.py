"""A shop for the storm: two topics, three kinds of key, every function, windows so small that they lose tiles all the time."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from feast import Entity, FeatureStore, ValueType
from feast.aggregation import Aggregation

from ingestion.archive import Archive
from ingestion.compile import compile_view, windowed_views
from ingestion.derive import event_type, windowed_view
from ingestion.windows.spec import FUNCTIONS, ViewSpec
from tests.services import RunningKafka, RunningRedis

PARTITIONS = 3
ORDERS, CHARGEBACKS = "orders", "chargebacks"
SECOND = timedelta(seconds=1)
SHORT, MIDDLE, TUMBLING, LONG = (2, 1), (10, 2), (20, 20), (3600, 300)
"""Window and hop in seconds."""
COLUMNS = {"count": "order_id", "count_distinct": "product_id", "last": "product_id"}
"""What a function aggregates, where it is not the amount."""

_CONFIG = """\
project: {project}
provider: local
registry: {{path: registry.db, cache_ttl_seconds: 60}}
offline_store: {{type: ingestion.stores.offline.ParquetOfflineStore, root: data}}
online_store: {{type: ingestion.stores.online.RedisOnlineStore, connection_string: "{redis}"}}
entity_key_serialization_version: 3
"""


@dataclass(frozen=True)
class Shop:
    """A feature repo in a folder, applied; the topics of its broker are its alone."""

    folder: Path
    kafka: RunningKafka
    redis: RunningRedis
    name: str = field(default_factory=lambda: f"storm_{uuid4().hex[:8]}")

    def apply(self, smallest_amount: float = 0.0) -> None:
        """Write feature_store.yaml, register everything, create the topics.

        Args:
            smallest_amount: Orders below are refused by their contract.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        config = _CONFIG.format(project=self.name, redis=self.redis.address)
        (self.folder / "feature_store.yaml").write_text(config)
        self.store().apply(definitions(smallest_amount))
        for topic in (ORDERS, CHARGEBACKS):
            self.kafka.create(topic, PARTITIONS)

    def store(self) -> FeatureStore:
        return FeatureStore(repo_path=str(self.folder))

    def specs(self) -> list[ViewSpec]:
        return [compile_view(view) for view in windowed_views(self.store())]

    def archive(self, topic: str) -> Archive:
        return Archive(self.folder / "data", topic)

    @property
    def dead_letter_topic(self) -> str:
        return f"{self.name}_dead"

    def environment(self, **more: str) -> dict[str, str]:
        """Of the programs; every interval is short, so that much happens between two blows."""
        own = {
            "SHOP_FEATURE_REPO": str(self.folder),
            "SHOP_DATA_DIR": str(self.folder / "data"),
            "SHOP_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "SHOP_STREAM_GROUP": self.name,
            "SHOP_DEAD_LETTER_TOPIC": self.dead_letter_topic,
            "SHOP_STREAM_ARCHIVE_SECONDS": "0.3",
            "SHOP_STREAM_SNAPSHOT_SECONDS": "1",
            "SHOP_STREAM_SHARES": "2",
            "SHOP_STREAM_RETRY_MAX_SECONDS": "0.5",
            "SHOP_STREAM_METRICS_PORT": "0",
        }
        return {**own, **more}


def event_source(spec: ViewSpec) -> str:
    """Topic of a view."""
    return CHARGEBACKS if "chargebacks" in spec.name else ORDERS


def definitions(smallest_amount: float = 0.0) -> list[Any]:
    """Entities, topics with their archives, windowed views."""
    user, card, product = (
        Entity(name=name, join_keys=[f"{name}_id"], value_type=ValueType.STRING)
        for name in ("user", "card", "product")
    )
    text, amount = {"type": "string", "minLength": 1}, {"type": "number", "minimum": smallest_amount}
    common = {"event_timestamp": {"type": "string", "format": "date-time"}, "product_id": text}
    orders = event_type(
        ORDERS,
        {"order_id": text, **common, "user_id": text, "card_id": text, "amount": amount},
        event_id="order_id",
        optional=["amount"],
        lateness=timedelta(seconds=5),
        dedup_horizon=timedelta(hours=1),
        description="Orders of the storm.",
    )
    chargebacks = event_type(
        CHARGEBACKS,
        {"chargeback_id": text, **common, "order_id": text, "amount": amount},
        event_id="chargeback_id",
        optional=["amount"],
        lateness=timedelta(seconds=5),
        # Soon enough for a storm of minutes, and longer than one partition is read ahead of another after a pause.
        dedup_horizon=timedelta(seconds=60),
        description="Chargebacks of the storm: their ids are soon forgotten.",
    )
    views = [
        windowed_view(
            "user_orders",
            entities=[user],
            events=orders,
            description="Every function over every window.",
            aggregations=_every(FUNCTIONS, (SHORT, MIDDLE, LONG)),
        ),
        windowed_view(
            "card_orders",
            entities=[user, card],
            events=orders,
            description="Of two keys.",
            aggregations=_every(("count", "sum", "last", "count_distinct"), (MIDDLE, TUMBLING)),
        ),
        windowed_view(
            # Without `last`: customers lie in different partitions, of which none comes before another.
            "product_orders",
            entities=[product],
            events=orders,
            description="Of a product, whose customers lie in every partition.",
            aggregations=_every(("count", "sum", "min", "max", "mean", "std"), (SHORT, TUMBLING, LONG)),
        ),
        windowed_view(
            "product_chargebacks",
            entities=[product],
            events=chargebacks,
            description="Of a product.",
            aggregations=_every(FUNCTIONS, (MIDDLE, LONG), {**COLUMNS, "last": "order_id"}),
        ),
    ]
    sources = [source for events in (orders, chargebacks) for source in (events.archive, events.stream)]
    return [user, card, product, *sources, *views]


def _every(
    functions: tuple[str, ...], windows: tuple[tuple[int, int], ...], columns: dict[str, str] = COLUMNS
) -> list[Aggregation]:
    return [
        Aggregation(columns.get(function, "amount"), function, window * SECOND, hop * SECOND)
        for function in functions
        for window, hop in windows
    ]
