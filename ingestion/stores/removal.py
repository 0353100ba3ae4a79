"""Taking rows of a view out of the online store, whatever else is stored of their entities."""

import polars as pl
from feast import FeatureStore

from ingestion.stores.push import redis_store, registered_view
from ingestion.stores.redis_online import keys, resp
from ingestion.stores.redis_online.link import checked
from ingestion.stores.redis_online.view_wire import row_fields


def remove_rows(store: FeatureStore, view_name: str, entities: pl.DataFrame) -> int:
    """Remove the rows of some entities; returns of how many there was one.

    Args:
        store: Its online store is a RedisOnlineStore.
        view_name: A feature view or stream feature view.
        entities: Their join keys, without nulls.

    Raises:
        RedisUnavailableError: if Redis is not reached.
    """
    view = registered_view(store, view_name)
    types = {column.name: column.dtype.to_value_type().name for column in view.entity_columns}
    names = sorted(types)
    head, tail = keys.prefix(names), store.project.encode()
    of = [
        head + b"".join(keys.part(row[name], types[name]) for name in names) + tail
        for row in entities.drop_nulls(names).iter_rows(named=True)
    ]
    fields = row_fields(store.config, view)
    deletes = [resp.command(b"HDEL", key, *fields) for key in of]
    with redis_store(store).connections(store.config).link() as link:
        return sum(1 for deleted in checked(link.send(of, deletes)) if deleted) if of else 0
