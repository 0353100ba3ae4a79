"""Pushing rows of a view by columns: what ``FeatureStore.push`` does online, several times as fast.

``push_rows(store, "user_orders", frame)`` stores the very bytes that
``store.push("user_orders_push", frame.to_pandas(), to=PushMode.ONLINE)`` stores. It differs in that it

- writes the one view named, not every view fed by the push source;
- keeps the resolved view until the registry is refreshed, instead of listing all views each time;
- writes a row whose features are all null, which Feast leaves out with a warning when no row of the frame has a value;
- returns how many rows were written and how many were refused as older than what is stored;
- never writes offline, and never recomputes precomputed feature vectors.
"""

from typing import Any
from weakref import WeakKeyDictionary

import polars as pl
from feast import FeatureStore, FeatureView

from ingestion.stores.online import RedisOnlineStore
from ingestion.stores.redis_online.write import WriteCounts

_Resolved = dict[str, tuple[Any, FeatureView]]

_resolved: WeakKeyDictionary[FeatureStore, _Resolved] = WeakKeyDictionary()


def push_rows(store: FeatureStore, view_name: str, frame: pl.DataFrame) -> WriteCounts:
    """Write rows of a view to the online store; the newest row of an entity stays, of equal timestamps the later.

    Args:
        store: Its online store is a RedisOnlineStore.
        view_name: A feature view or stream feature view.
        frame: Join keys, features and event timestamp of the view; other columns are ignored.

    Raises:
        feast.errors.FeatureViewNotFoundException: if there is no such view.
        TypeError: if the feature store has another online store.
        ValueError: naming the column that is missing, null in a key, or does not fit its type.
        RedisUnavailableError: if Redis is not reached.
    """
    view = registered_view(store, view_name)
    return redis_store(store).write_columns(store.config, view, frame)


def redis_store(store: FeatureStore) -> RedisOnlineStore:
    """The online store of a feature store.

    Raises:
        TypeError: if it is another kind of store.
    """
    online_store = store.provider.online_store
    if not isinstance(online_store, RedisOnlineStore):
        raise TypeError(
            f"the online store is {type(online_store).__name__}; set online_store.type to "
            "ingestion.stores.online.RedisOnlineStore in feature_store.yaml"
        )
    return online_store


def registered_view(store: FeatureStore, name: str) -> FeatureView:
    """A view of any kind, resolved once until the registry is refreshed."""
    refreshed = store.registry.cached_registry_proto_created
    views = _resolved.setdefault(store, {})
    known = views.get(name)
    if known is None or known[0] != refreshed:
        view = store.registry.get_any_feature_view(name, store.project, allow_cache=True)
        known = views[name] = (store.registry.cached_registry_proto_created, view)
    return known[1]
