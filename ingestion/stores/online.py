"""Feast's online store in Redis: Feast's own wire format, atomic newest-wins writes, one round trip per read.

In ``feature_store.yaml``::

    online_store:
      type: ingestion.stores.online.RedisOnlineStore
      connection_string: localhost:6379,db=0     # or, in a file that a service or a secret store writes:
      connection_string_file: ../data/services/redis.addr

Stock Feast reads what this store writes and the reverse. What differs from stock: a row with the stored row's very
timestamp replaces it, and the comparison is made inside Redis; a view's TTL is applied when it is read; an entity never
seen is NOT_FOUND, or, in a windowed view, an empty window. Leave ``precompute_online`` of feature services off: Feast
raises for entities that have no precomputed vector, and the vectors go stale after ``push_async``.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa
from feast import Entity, FeatureService, FeatureView, RepoConfig, utils
from feast.infra.online_stores.redis import RedisOnlineStore as StockStore
from feast.infra.online_stores.redis import RedisOnlineStoreConfig as StockConfig
from feast.infra.registry.base_registry import BaseRegistry
from feast.online_response import OnlineResponse
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from pydantic import PositiveFloat, PositiveInt, StrictBool, StrictStr, model_validator

from ingestion.stores.redis_online.address import Address, parse, read
from ingestion.stores.redis_online.ahead import ahead
from ingestion.stores.redis_online.asked import Lookup, commands
from ingestion.stores.redis_online.cells import Cell, proto
from ingestion.stores.redis_online.connections import Connections
from ingestion.stores.redis_online.entity import NOT_FOUND, OUTSIDE_MAX_AGE
from ingestion.stores.redis_online.entity_keys import keys_of, types_of
from ingestion.stores.redis_online.link import checked
from ingestion.stores.redis_online.measures import measure
from ingestion.stores.redis_online.plan import ReadPlan, key_plans, read_plan
from ingestion.stores.redis_online.request import EntityRows, RequestPlan, request_plan
from ingestion.stores.redis_online.timestamps import Instants, instant
from ingestion.stores.redis_online.view_wire import (
    ProtoRow,
    ViewWire,
    as_table,
    entity_key,
    rows_of_protos,
    rows_of_table,
    view_wire,
)
from ingestion.stores.redis_online.views import ViewRows, view_rows
from ingestion.stores.redis_online.write import (
    Expiry,
    NewestWins,
    RoundTrip,
    Rows,
    WriteCounts,
    send,
)
from ingestion.stores.variables import refuse_unset

if TYPE_CHECKING:
    import polars as pl

Progress = Callable[[int], Any]
StoredRow = tuple[datetime | None, dict[str, Value] | None]
Features: TypeAlias = list[str] | FeatureService

SLICE_ROWS = 2_500
"""Rows turned into wire form at a time, so that memory does not grow with the table, and Redis need not wait."""

PLANS_KEPT = 512
"""Read plans kept; Feast makes its view objects anew whenever its registry is refreshed."""


class RedisOnlineStoreConfig(StockConfig):
    """Settings of `RedisOnlineStore`: those of Feast's Redis store, and the ones below."""

    type: str = "ingestion.stores.online.RedisOnlineStore"
    """Dotted path of the store."""

    connection_string: StrictStr = ""
    """``host:port[,host:port][,parameter=value]``; parameters are those of the Redis client (db, password, ssl ...)."""

    connection_string_file: StrictStr | None = None
    """File that holds the connection string, relative to the feature repository; read when first connecting."""

    connect_timeout_seconds: PositiveFloat = 2.0
    """How long one connection may take."""

    read_timeout_seconds: PositiveFloat = 2.0
    """How long one reply may take."""

    attempts: PositiveInt = 3
    """How often a command is sent before it counts as failed."""

    expire_outdated: StrictBool = False
    """Whether Redis drops a row as soon as it is older than its view's ttl; such a row is then NOT_FOUND instead of
    OUTSIDE_MAX_AGE. A server without field expiry (before Redis 7.4 and Valkey 9) keeps it until a sweep."""

    @model_validator(mode="after")
    def _is_complete(self) -> "RedisOnlineStoreConfig":
        refuse_unset("online_store", {name: getattr(self, name) for name in type(self).model_fields})
        if bool(self.connection_string) == bool(self.connection_string_file):
            raise ValueError(
                "online_store needs one of connection_string and connection_string_file; "
                "`make up` writes ../data/services/redis.addr, or set connection_string: localhost:6379"
            )
        if self.client.value != "redis":
            raise ValueError(
                f"online_store.client is {self.client.value!r}; this store has its own: leave it out"
            )
        return self

    def expiry(self, view: FeatureView, instants: Instants, by_field: bool, now_seconds: float) -> Expiry:
        """When rows of a view leave Redis by themselves.

        Args:
            view: Its ttl counts where outdated rows expire.
            instants: Event timestamps of the rows.
            by_field: Whether the server lets fields of a hash expire; else ``key_ttl_seconds`` expires whole
                entities, as in stock Feast.
            now_seconds: Unix seconds.
        """
        if not by_field:
            return Expiry(entity_seconds=self.key_ttl_seconds)
        ends = []
        if self.key_ttl_seconds:
            ends.append(np.full(len(instants.seconds), int((now_seconds + self.key_ttl_seconds) * 1000)))
        if self.expire_outdated and view.ttl:
            ends.append(instants.milliseconds() + int(view.ttl.total_seconds() * 1000))
        return Expiry(deadlines_ms=np.minimum.reduce(ends) if ends else None)

    def address(self, repo_path: Path | None) -> Address:
        """Where Redis is.

        Raises:
            RedisUnavailableError: if the file with the address is not there.
            ValueError: if there is no ``host:port`` in it.
        """
        if self.connection_string_file:
            return read(Path(repo_path or ".") / self.connection_string_file)
        return parse(self.connection_string, "online_store.connection_string")


class RedisOnlineStore(StockStore):
    """See the module.

    Attributes:
        counts: Rows written and refused by this object, by view.
    """

    def __init__(self) -> None:
        self.counts: dict[str, WriteCounts] = defaultdict(WriteCounts)
        self._connections: Connections | None = None
        self._plans: dict[tuple[int, tuple[str, ...]], ReadPlan] = {}
        self._request_plans: dict[int, tuple[Any, RequestPlan]] = {}
        self._lock = Lock()

    def connections(self, config: RepoConfig) -> Connections:
        """The store's connections; the address is read when this is called first."""
        return self._connect(config.online_store, config.repo_path)

    async def close(self) -> None:
        """Close all connections of this thread's event loop and those that threads share."""
        if self._connections is not None:
            await self._connections.close()

    def online_write_batch(
        self, config: RepoConfig, table: FeatureView, data: list[ProtoRow], progress: Progress | None
    ) -> None:
        """Write rows as Feast hands them over; a naive timestamp is UTC."""
        wire = view_wire(config, table)
        for _, run in groupby(data, key=lambda row: tuple(row[1])):
            packed = self._packed(config, table, wire, rows_of_protos(config, wire, list(run)))
            self._send(config, wire, packed, progress)

    async def online_write_batch_async(
        self, config: RepoConfig, table: FeatureView, data: list[ProtoRow], progress: Progress | None
    ) -> None:
        """As ``online_write_batch``, in a thread: turning rows into bytes would hold the event loop up."""
        await asyncio.to_thread(self.online_write_batch, config, table, data, progress)

    def write_columns(
        self,
        config: RepoConfig,
        view: FeatureView,
        table: "pa.Table | pl.DataFrame",
        progress: Progress | None = None,
        *,
        equal_wins: bool = True,
    ) -> WriteCounts:
        """Write a table without making an object of each row; the newest row of an entity stays.

        Args:
            config: Configuration of the feature store.
            view: View whose join keys, features and event timestamp are columns of the table; others are ignored.
            table: What to write; NaN is null.
            progress: Called with the number of rows done, after each round trip.
            equal_wins: Whether a row of the stored row's very instant replaces it.

        Raises:
            ValueError: naming the column that is missing, null in a key, or does not fit its type.
            RedisUnavailableError: if Redis is not reached.
        """
        wire = view_wire(config, view)
        columns = as_table(table, view.batch_source.field_mapping)

        def packed(part: pa.Table) -> list[RoundTrip]:
            rows = rows_of_table(config, view, wire, part)
            return self._packed(config, view, wire, rows, equal_wins=equal_wins)

        parts = [columns.slice(start, SLICE_ROWS) for start in range(0, columns.num_rows, SLICE_ROWS)]
        total = WriteCounts()
        for trips in ahead(packed, parts):
            total += self._send(config, wire, trips, progress)
        return total

    def online_read(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[StoredRow]:
        """Event timestamp and values of each entity; (None, None) where there is nothing to show."""
        lookup = self._lookup(config, table, entity_keys, requested_features)
        with self.connections(config).link() as link:
            replies = checked(link.send(*commands([lookup])))
        return _stored_rows(lookup, replies)

    async def online_read_async(
        self,
        config: RepoConfig,
        table: FeatureView,
        entity_keys: list[EntityKey],
        requested_features: list[str] | None = None,
    ) -> list[StoredRow]:
        """As ``online_read``."""
        lookup = self._lookup(config, table, entity_keys, requested_features)
        with self.connections(config).async_link() as link:
            replies = checked(await link.send(*commands([lookup])))
        return _stored_rows(lookup, replies)

    def get_online_features(
        self,
        config: RepoConfig,
        features: Features,
        entity_rows: EntityRows,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        """As Feast's; all views are read in one round trip."""
        plan = self._request_plan(config, features, registry, project, full_feature_names)
        if _is_precomputed(features, plan):
            versions = include_feature_view_version_metadata
            return super().get_online_features(
                config, features, entity_rows, registry, project, full_feature_names, versions
            )
        request, started = plan.request(entity_rows), time.monotonic()
        with self.connections(config).link() as link:
            replies = checked(link.send(*commands(request.lookups)))
        measure(request, replies, time.monotonic() - started)
        return request.response(
            replies, now_seconds=time.time(), with_versions=include_feature_view_version_metadata
        )

    async def get_online_features_async(
        self,
        config: RepoConfig,
        features: Features,
        entity_rows: EntityRows,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        include_feature_view_version_metadata: bool = False,
    ) -> OnlineResponse:
        """As ``get_online_features``."""
        plan = self._request_plan(config, features, registry, project, full_feature_names)
        if _is_precomputed(features, plan):
            versions = include_feature_view_version_metadata
            return await super().get_online_features_async(
                config, features, entity_rows, registry, project, full_feature_names, versions
            )
        request, started = plan.request(entity_rows), time.monotonic()
        with self.connections(config).async_link() as link:
            replies = checked(await link.send(*commands(request.lookups)))
        measure(request, replies, time.monotonic() - started)
        return request.response(
            replies, now_seconds=time.time(), with_versions=include_feature_view_version_metadata
        )

    def update(
        self,
        config: RepoConfig,
        tables_to_delete: Sequence[FeatureView],
        tables_to_keep: Sequence[FeatureView],
        entities_to_delete: Sequence[Entity],
        entities_to_keep: Sequence[Entity],
        partial: bool,
    ) -> None:
        """Delete the rows of views that are no longer defined; without any, Redis is not asked."""
        if tables_to_delete:
            super().update(
                config, tables_to_delete, tables_to_keep, entities_to_delete, entities_to_keep, partial
            )

    def delete_table(self, config: RepoConfig, table: FeatureView) -> None:
        """Delete all rows of a view."""
        with self.connections(config).link():
            super().delete_table(config, table)

    def erase(self, config: RepoConfig, views: Sequence[FeatureView], entity: Mapping[str, Any]) -> int:
        """Erase an entity with the rows of all its views, and every finer entity that it is part of.

        Args:
            config: Repository configuration.
            views: All views of the project.
            entity: Value of each join key.

        Returns:
            How many keys were erased.

        Raises:
            ValueError: if no view has these join keys.
            RedisUnavailableError: if Redis is not reached.
        """
        wider = [types for types in map(types_of, views) if set(entity) <= set(types)]
        if not entity or not wider:
            raise ValueError(f"no feature view has the join keys {sorted(entity)}")
        with self.connections(config).link() as link:
            found = {key for types in wider for key in keys_of(link.client, types, entity, config.project)}
            return sum(link.client.unlink(key) for key in sorted(found))

    def delete_entity_values(self, config: RepoConfig, join_keys: list[str]) -> None:
        """Delete all entities of the project that have these join keys."""
        with self.connections(config).link():
            super().delete_entity_values(config, join_keys)

    def _get_client(self, online_store_config: RedisOnlineStoreConfig) -> Any:
        with self._connect(online_store_config, None).link() as link:
            return link.client

    def _connect(self, settings: RedisOnlineStoreConfig, repo_path: Path | None) -> Connections:
        with self._lock:
            if self._connections is None:
                self._connections = Connections(
                    kind=settings.redis_type.value,
                    address=settings.address(repo_path),
                    master=settings.sentinel_master,
                    attempts=settings.attempts,
                    connect_timeout_seconds=settings.connect_timeout_seconds,
                    read_timeout_seconds=settings.read_timeout_seconds,
                )
            return self._connections

    def _packed(
        self, config: RepoConfig, view: FeatureView, wire: ViewWire, rows: Rows, *, equal_wins: bool = True
    ) -> list[RoundTrip]:
        settings = config.online_store
        rule = NewestWins(compare=not settings.skip_dedup, equal_wins=equal_wins)
        connections = self.connections(config)
        with connections.link() as link:
            expiry = settings.expiry(view, rows.instants, connections.field_expiry(), time.time())
            return rule.pack(link, wire.timestamp_field, rows, expiry)

    def _send(
        self, config: RepoConfig, wire: ViewWire, trips: list[RoundTrip], progress: Progress | None
    ) -> WriteCounts:
        with self.connections(config).link() as link:
            counts = send(link, trips, progress)
        with self._lock:
            self.counts[wire.name] += counts
        return counts

    def read_plan(self, config: RepoConfig, view: FeatureView, features: Sequence[str] | None) -> ReadPlan:
        """How the features of a view are read; made once for each view object and list of features."""
        known = (id(view), tuple(features or ()))
        found = self._plans.get(known)
        if found is None:
            if len(self._plans) >= PLANS_KEPT:
                self._plans.clear()
            # The plan holds the view, so that no other object takes its id while the plan is kept.
            found = self._plans[known] = read_plan(config, view, features)
        return found

    def _request_plan(
        self, config: RepoConfig, features: Features, registry: BaseRegistry, project: str, full_names: bool
    ) -> RequestPlan:
        # Feast resolves a request once for each state of its registry and hands out the same tuple from then on.
        context = utils._get_cached_request_context(registry, project, features, full_names)  # noqa: SLF001
        found = self._request_plans.get(id(context))
        if found is None:
            if len(self._request_plans) >= PLANS_KEPT:
                self._request_plans.clear()
            types = self._build_feature_types(context[5])
            plan = request_plan(context, types, full_names, partial(self.read_plan, config))
            found = self._request_plans[id(context)] = (context, plan)
        return found[1]

    def _lookup(
        self, config: RepoConfig, view: FeatureView, entity_keys: list[EntityKey], features: list[str] | None
    ) -> Lookup:
        (plan,) = key_plans([self.read_plan(config, view, features)])
        return Lookup(plan, [entity_key(config, key) for key in entity_keys], None)


def _stored_rows(lookup: Lookup, replies: Sequence[Sequence[Cell]]) -> list[StoredRow]:
    (view,) = view_rows([lookup], replies, [lookup.plan.views[0].features], time.time())
    return [_stored_row(view, entity) for entity in range(len(replies))]


def _stored_row(view: ViewRows, entity: int) -> StoredRow:
    shown = view.entities
    if shown.statuses[entity] in (NOT_FOUND, OUTSIDE_MAX_AGE):
        return None, None
    values = {name: proto(cells[entity]) for name, cells in zip(view.names, shown.cells, strict=True)}
    at = shown.stored_at[entity]
    return None if at is None else instant(at), values


def _is_precomputed(features: Features, plan: RequestPlan) -> bool:
    return isinstance(features, FeatureService) and features.precompute_online and not plan.on_demand
