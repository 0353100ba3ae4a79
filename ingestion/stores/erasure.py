"""Erasing one entity from the online store, wherever it is part of a key."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from feast import FeatureStore, FeatureView
from redis.cluster import RedisCluster
from redis.exceptions import ResponseError

from ingestion.stores.outdated import ageing
from ingestion.stores.push import redis_store
from ingestion.stores.redis_online.entity_keys import keys_of, types_of


def delete_entity(store: FeatureStore, entity: Mapping[str, Any]) -> int:
    """Erase an entity with the rows of all its views, and every finer entity that it is part of.

    ``delete_entity(store, {"user_id": "u1"})`` erases the user's own rows, and those of the user with each product
    where a view has both join keys. The finer ones are found by a scan over the whole database.

    Args:
        store: Its online store is a RedisOnlineStore.
        entity: Value of each join key.

    Returns:
        How many keys were erased.

    Raises:
        ValueError: if no view has these join keys.
        RedisUnavailableError: if Redis is not reached.
    """
    return redis_store(store).erase(store.config, _views(store), entity)


def delete_rows_before(store: FeatureStore, entity: Mapping[str, Any], unix_seconds: float) -> int:
    """As `delete_entity`, but rows whose event timestamp is not before an instant stay.

    Returns:
        How many rows were erased.

    Raises:
        RedisUnavailableError: if Redis is not reached.
    """
    erased = 0
    with redis_store(store).connections(store.config).link() as link:
        for view in _views(store):
            types = types_of(view)
            if set(entity) <= set(types):
                of = list(keys_of(link.client, types, entity, store.project))
                erased += ageing(store.config, view, 0.0).remove(link, of, unix_seconds) if of else 0
    return erased


def rewrite_log(store: FeatureStore) -> None:
    """Let a server that logs its writes begin the log anew, without what was erased; one that cannot be told so goes on."""
    with redis_store(store).connections(store.config).link() as link, suppress(ResponseError):
        if not isinstance(link.client, RedisCluster) and link.client.info("persistence").get("aof_enabled"):
            link.client.bgrewriteaof()


def _views(store: FeatureStore) -> list[FeatureView]:
    return [view for view in store.list_all_feature_views() if isinstance(view, FeatureView)]
