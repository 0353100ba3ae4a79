"""Stored features of one feature service as plain Python values, without Feast's response in between. Hot path."""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

from feast import FeatureService, FeatureStore, FeatureView
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_python_type
from feast.value_type import ValueType

from ingestion.stores.push import redis_store
from ingestion.stores.redis_online import timestamps
from ingestion.stores.redis_online.entity import NULLS, PRESENT, row_status
from ingestion.stores.redis_online.link import checked
from ingestion.stores.redis_online.plan import ReadPlan
from ingestion.stores.redis_online.values import DECODED


@dataclass(frozen=True)
class FeatureRows:
    """What was read, one entry per row of the request.

    Attributes:
        names: Names of the features, in the feature service's order.
        views: Names of the views that were read.
        values: [rows][features] str, int, float, bool, datetime ...; None is null.
        timestamps: [rows][views] Unix seconds of the stored row's event timestamp; None where there is none.
        statuses: [rows][views] Feast's FieldStatus: PRESENT (an empty window too), NOT_FOUND or OUTSIDE_MAX_AGE.
    """

    names: tuple[str, ...]
    views: tuple[str, ...]
    values: list[list[Any]]
    timestamps: list[list[float | None]]
    statuses: list[list[int]]


class OnlineReader:
    """Reads the stored features of a feature service; on-demand views are left out.

    The service is resolved once: make a new reader after ``feast apply``.

    Args:
        store: Its online store is a RedisOnlineStore.
        service_name: A registered feature service.
        now: Unix seconds; TTLs are held against it.

    Raises:
        feast.errors.FeatureServiceNotFoundException: if there is no such service.
        TypeError: if the feature store has another online store.
    """

    def __init__(self, store: FeatureStore, service_name: str, now: Callable[[], float] = time.time) -> None:
        self._config = store.config
        self._online = redis_store(store)
        self._plans = _plans(store, store.get_feature_service(service_name))
        self._now = now
        self.names = tuple(name for plan in self._plans for name in plan.features)
        self.views = tuple(plan.view.projection.name_to_use() for plan in self._plans)

    async def read(self, entity_rows: Sequence[Mapping[str, Any]]) -> FeatureRows:
        """Read in one round trip; each row has all join keys of the service, other entries are ignored.

        Raises:
            KeyError: if a row lacks a join key.
            ValueError: if a join key is null.
            RedisUnavailableError: if Redis is not reached.
        """
        keys, packed = self._commands(entity_rows)
        with self._online.connections(self._config).async_link() as link:
            replies = await link.send(keys, packed)
        return self._rows(checked(replies))

    def read_now(self, entity_rows: Sequence[Mapping[str, Any]]) -> FeatureRows:
        """As ``read``, without an event loop."""
        keys, packed = self._commands(entity_rows)
        with self._online.connections(self._config).link() as link:
            replies = link.send(keys, packed)
        return self._rows(checked(replies))

    def _commands(self, entity_rows: Sequence[Mapping[str, Any]]) -> tuple[list[bytes], list[bytes]]:
        keys = [plan.key(row) for row in entity_rows for plan in self._plans]
        plans = self._plans * len(entity_rows)
        return keys, [plan.command(key) for plan, key in zip(plans, keys, strict=True)]

    def _rows(self, replies: Sequence[Sequence[bytes | None]]) -> FeatureRows:
        rows = FeatureRows(self.names, self.views, [], [], [])
        now = self._now()
        for start in range(0, len(replies), len(self._plans)):
            self._append(rows, replies[start : start + len(self._plans)], now)
        return rows

    def _append(self, rows: FeatureRows, replies: Sequence[Sequence[bytes | None]], now: float) -> None:
        values: list[Any] = []
        instants: list[float | None] = []
        statuses: list[int] = []
        for plan, stored in zip(self._plans, replies, strict=True):
            at = _unix_seconds(stored[-1])
            status = row_status(plan, stored, at, now)
            values += _values(plan, stored, status)
            instants.append(at)
            statuses.append(status)
        rows.values.append(values)
        rows.timestamps.append(instants)
        rows.statuses.append(statuses)


def _plans(store: FeatureStore, service: FeatureService) -> list[ReadPlan]:
    online = redis_store(store)
    plans = []
    for projection in service.feature_view_projections:
        view = store.registry.get_any_feature_view(projection.name, store.project, allow_cache=True)
        if isinstance(view, FeatureView):
            names = [feature.name for feature in projection.features]
            plans.append(online.read_plan(store.config, view.with_projection(copy(projection)), names))
    return plans


def _values(plan: ReadPlan, stored: Sequence[bytes | None], status: int) -> list[Any]:
    if status != PRESENT:
        return [None] * len(plan.features)
    if plan.unseen is not None and not any(stored):
        return [feast_value_type_to_python_type(value) for value in plan.unseen]
    return list(map(_python, stored[:-1], plan.value_types))


def _python(stored: bytes | None, value_type: ValueType) -> Any:
    if stored is None or stored in NULLS:
        return None
    decode = DECODED.get(stored[0])
    return decode(stored) if decode else feast_value_type_to_python_type(Value.FromString(stored), value_type)


def _unix_seconds(stored: bytes | None) -> float | None:
    if stored is None:
        return None
    seconds, nanos = timestamps.decode(stored)
    return seconds + nanos * 1e-9
