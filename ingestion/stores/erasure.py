"""Erasing one entity from the online store, wherever it is part of a key."""

from collections.abc import Iterable, Mapping
from typing import Any

from feast import FeatureStore, FeatureView
from feast.value_type import ValueType

from ingestion.stores.push import redis_store
from ingestion.stores.redis_online import keys


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
    wider = [types for types in _join_keys(store) if set(entity) <= set(types)]
    if not entity or not wider:
        raise ValueError(f"no feature view has the join keys {sorted(entity)}")
    with redis_store(store).connections(store.config).link() as link:
        found = {key for types in wider for key in _keys(link.client, types, entity, store.project)}
        return sum(link.client.unlink(key) for key in sorted(found))


def _join_keys(store: FeatureStore) -> list[dict[str, ValueType]]:
    views = [view for view in store.list_all_feature_views() if isinstance(view, FeatureView)]
    return [{column.name: column.dtype.to_value_type() for column in view.entity_columns} for view in views]


def _keys(
    client: Any, types: Mapping[str, ValueType], entity: Mapping[str, Any], project: str
) -> Iterable[bytes]:
    parts = [keys.part(entity[name], types[name].name) if name in entity else None for name in sorted(types)]
    known = [part for part in parts if part is not None]
    if len(known) == len(parts):
        return [keys.prefix(types) + b"".join(known) + project.encode()]
    pattern = keys.pattern([keys.prefix(types), *known], project)
    return [key for key in client.scan_iter(pattern) if _holds(keys.parts_of(key, types, project), parts)]


def _holds(stored: list[bytes] | None, wanted: list[bytes | None]) -> bool:
    # The pattern may also match inside a longer value.
    return stored is not None and all(want in (None, have) for want, have in zip(wanted, stored, strict=True))
