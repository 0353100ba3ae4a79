"""What the API needs, in a folder: the real definitions applied, features in Redis, tiny models."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from feast import FeatureStore

from artefact import Card, InputFeature, feature_service_hash, version_path
from feature_repo import definitions
from tests.small_models import CATEGORIES, save_candidates, save_model, small_card

OUR_STORE, STOCK_STORE = "ingestion.stores.online.RedisOnlineStore", "redis"
STOCK_YAML = "stock.yaml"
NOW = datetime.now(UTC)
OUT_OF_STOCK = "prod_0003"
BUYER, BOUGHT = "user_0005", "prod_0005"
"""The only customer who bought something lately, and what."""
SERVICES = {"fraud": "fraud_v1", "recommendation": "recommendation_v1"}


@dataclass(frozen=True)
class ServingShop:
    """Where it lies.

    Attributes:
        repo: Folder of feature_store.yaml, and of the same with Feast's own Redis store.
        models: Folder of the artefacts.
        users: Those with features; each looked last at the product of the same number.
        products: Those with features.
    """

    repo: Path
    models: Path
    users: Sequence[str]
    products: Sequence[str]

    def store(self, yaml_file: str = "feature_store.yaml") -> FeatureStore:
        """A feature store of this shop."""
        return FeatureStore(repo_path=str(self.repo), fs_yaml_file=self.repo / yaml_file)


def serving_shop(
    folder: Path, redis_address: str, *, project: str, users: int = 20, trees: int = 5
) -> ServingShop:
    """Apply the definitions, write features of so many users, products and devices, train both models."""
    shop = ServingShop(folder / "repo", folder / "models", _names("user", users), _names("prod", users))
    shop.repo.mkdir(parents=True)
    for name, kind in (("feature_store.yaml", OUR_STORE), (STOCK_YAML, STOCK_STORE)):
        (shop.repo / name).write_text(yaml.safe_dump(configuration(project, kind, redis_address)))
    fill(shop, trees)
    return shop


def fill(shop: ServingShop, trees: int) -> None:
    """Apply the definitions, write features of its users, products and devices, train both models."""
    store = shop.store()
    apply(store)
    write_features(store, shop)
    asyncio.run(store.close())
    save_small_models(store, shop, trees)


def save_small_models(store: FeatureStore, shop: ServingShop, trees: int) -> None:
    """Both models, of random rows, and candidates among the shop's products."""
    for name in SERVICES:
        save_model(card_of(store, name), shop.models, trees=trees)
    save_candidates(shop.products, version_path(shop.models, "recommendation", "v1"))


def apply(store: FeatureStore) -> None:
    """Register the shop's definitions."""
    store.apply([getattr(definitions, name) for name in definitions.__all__])


def write_features(store: FeatureStore, shop: ServingShop) -> None:
    """Random values for every stored view, seeded; one product is out of stock."""
    chance = random.Random(1)
    keys = {"user_id": shop.users, "product_id": shop.products, "device_id": _names("dev", len(shop.users))}
    for view in store.list_all_feature_views():
        if hasattr(view, "batch_source"):
            store.write_to_online_store(view.name, _random_rows(view, keys, chance))


def card_of(store: FeatureStore, name: str, version: str = "v1") -> Card:
    """A card whose inputs are the features of the model's service, ids left out."""
    service = SERVICES[name]
    inputs = tuple(
        InputFeature(
            name=field.name,
            dtype=str(field.dtype),
            categories=CATEGORIES if str(field.dtype) == "String" else None,
        )
        for projection in store.get_feature_service(service).feature_view_projections
        for field in projection.features
        if "_id_last" not in field.name
    )
    return small_card(
        name,
        inputs,
        version=version,
        feature_service=service,
        feature_service_hash=feature_service_hash(store, service, {feature.name for feature in inputs}),
    )


def configuration(project: str, online_store: str, redis_address: str) -> dict[str, Any]:
    """Content of a feature_store.yaml."""
    return {
        "project": project,
        "provider": "local",
        "registry": {"path": "registry.db", "cache_ttl_seconds": 60},
        "offline_store": {"type": "file"},
        "online_store": {"type": online_store, "connection_string": redis_address},
        "entity_key_serialization_version": 3,
    }


def _names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}_{i:04}" for i in range(count)]


def _random_rows(view: Any, keys: Mapping[str, Sequence[str]], chance: random.Random) -> pd.DataFrame:
    own = [column.name for column in view.entity_columns]
    columns: dict[str, list[Any]] = {key: list(keys[key]) for key in own}
    count = len(columns[own[0]])
    for field in view.features:
        if field.name not in own:
            columns[field.name] = [_random_value(field, chance) for _ in range(count)]
    if "product_in_stock" in columns:
        columns["product_in_stock"] = [product != OUT_OF_STOCK for product in columns["product_id"]]
    if "user_product_orders_count_30d" in columns:
        columns["user_product_orders_count_30d"] = [int(user == BUYER) for user in columns["user_id"]]
    if "user_product_id_last_1d" in columns:
        columns["user_product_id_last_1d"] = list(keys["product_id"])
    source = view.batch_source
    return pd.DataFrame(
        columns | dict.fromkeys([source.timestamp_field, source.created_timestamp_column], NOW)
    )


def _random_value(field: Any, chance: random.Random) -> Any:
    values = {"Int64": chance.randint(0, 50), "Float64": chance.random() * 100, "Bool": chance.random() < 0.5}
    return values.get(str(field.dtype), chance.choice(CATEGORIES))
