"""Removing rows that are older than their view's ttl, where the online store does not let them expire by themselves."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from feast import FeatureStore, FeatureView, RepoConfig

from ingestion.stores.push import redis_store
from ingestion.stores.redis_online import keys, resp, timestamps
from ingestion.stores.redis_online.link import Link, checked
from ingestion.stores.redis_online.view_wire import row_fields, view_wire

BATCH_KEYS: Final = 500
"""Entities looked at in one round trip."""

REMOVE: Final = """
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1], unpack(ARGV, 3))
return 1
"""
"""Removes a row unless it has been written anew. ARGV: timestamp field, its value as read, feature fields."""


@dataclass
class SweepCounts:
    """What a sweep has done.

    Attributes:
        entities: Redis keys looked at; a scan may meet one twice.
        removed: Rows removed, by view.
    """

    entities: int = 0
    removed: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AgeingView:
    """A view whose rows age.

    Attributes:
        name: Its name.
        join_keys: Its join keys.
        ttl_seconds: Rows that are older are outdated.
        fields: Hash fields: the event timestamp, then the features.
    """

    name: str
    join_keys: Sequence[str]
    ttl_seconds: float
    fields: Sequence[bytes]

    def remove(self, link: Link, of: Sequence[bytes], now_seconds: float) -> int:
        """Remove the rows of some entities that are outdated, and return how many."""
        reads = [resp.command(b"HGET", key, self.fields[0]) for key in of]
        stored = checked(link.send(of, reads))
        old = timestamps.are_before(stored, now_seconds - self.ttl_seconds)
        rows = [(key, at) for key, at, outdated in zip(of, stored, old, strict=True) if outdated]
        removes = [
            resp.command(b"EVAL", REMOVE.encode(), b"1", key, self.fields[0], at, *self.fields[1:])
            for key, at in rows
        ]
        return sum(checked(link.send([key for key, _ in rows], removes))) if rows else 0


def sweep(
    store: FeatureStore,
    now_seconds: float,
    keys_per_second: float,
    pause: Callable[[float], Any] = time.sleep,
) -> Iterator[SweepCounts]:
    """Look at every entity of the project once and remove rows that are outdated; what is done so far, batch by batch.

    A row that is written meanwhile stays: Redis itself looks at its timestamp again when it removes it.

    Args:
        store: Its online store is a RedisOnlineStore.
        now_seconds: Unix seconds against which ttls are held.
        keys_per_second: At most so many entities are looked at in a second.
        pause: Waits so many seconds.

    Raises:
        TypeError: if the feature store has another online store.
        RedisUnavailableError: if Redis is not reached.
    """
    views = ageing_views(store)
    counts = SweepCounts(removed={view.name: 0 for view in views})
    with redis_store(store).connections(store.config).link() as link:
        found = link.client.scan_iter(keys.pattern([b""], store.project), count=BATCH_KEYS)
        while batch := list(islice(found, BATCH_KEYS)):
            for view in views:
                of = [key for key in batch if keys.parts_of(key, view.join_keys, store.project) is not None]
                counts.removed[view.name] += view.remove(link, of, now_seconds) if of else 0
            counts.entities += len(batch)
            yield counts
            pause(len(batch) / keys_per_second)


def ageing_views(store: FeatureStore) -> list[AgeingView]:
    """The views of a feature store that have a ttl."""
    views = [view for view in store.list_all_feature_views() if isinstance(view, FeatureView)]
    return [ageing(store.config, view, view.ttl.total_seconds()) for view in views if view.ttl]


def ageing(config: RepoConfig, view: FeatureView, ttl_seconds: float) -> AgeingView:
    """A view whose rows are outdated at this age, whatever its own ttl is."""
    name, fields = view_wire(config, view).name, row_fields(config, view)
    return AgeingView(name, view.join_keys, ttl_seconds, fields)
