"""Stored features of one feature service as a NumPy array, without Feast's response in between. Hot path."""

import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from feast import FeatureService, FeatureStore, FeatureView
from feast.value_type import ValueType
from numpy.typing import NDArray

from ingestion.stores.push import redis_store
from ingestion.stores.redis_online.asked import Lookup, asked, commands, key_parts, lookup
from ingestion.stores.redis_online.link import checked
from ingestion.stores.redis_online.plan import ReadPlan, key_plans
from ingestion.stores.redis_online.views import ViewRows, python_columns, view_rows


@dataclass(frozen=True)
class FeatureRows:
    """What was read, one entry per row of the request.

    Attributes:
        names: Names of the features, in the feature service's order.
        views: Names of the views that were read.
        values: [rows, features] of dtype object: str, int, float, bool, datetime ...; None is null.
        timestamps: [rows, views] Unix seconds of the stored row's event timestamp, float64; NaN where there is none.
        statuses: [rows, views] Feast's FieldStatus: PRESENT (an empty window too), NOT_FOUND or OUTSIDE_MAX_AGE.
    """

    names: tuple[str, ...]
    views: tuple[str, ...]
    values: NDArray[np.object_]
    timestamps: NDArray[np.float64]
    statuses: NDArray[np.int64]

    def numbers(self) -> NDArray[np.float64]:
        """[rows, features] float64; null is NaN, a boolean 0 or 1.

        Raises:
            ValueError: naming the features that are no numbers.
        """
        try:
            return self.values.astype(np.float64)
        except (TypeError, ValueError) as error:
            columns = zip(self.names, self.values.T, strict=True)
            other = [name for name, column in columns if not all(map(_is_number, column))]
            raise ValueError(
                f"the features {other} are no numbers; encode them, or leave them out"
            ) from error


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
        plans = _plans(store, store.get_feature_service(service_name))
        self._keys = key_plans(plans)
        self._key_types = {
            name: ValueType[kind]
            for plan in plans
            for name, kind in zip(plan.request_columns, plan.key_types, strict=True)
        }
        self._now = now
        self._by_view = tuple(plan.features for plan in plans)
        self.names = tuple(name for names in self._by_view for name in names)
        self.views = tuple(plan.view.projection.name_to_use() for plan in plans)

    async def read(self, entity_rows: Sequence[Mapping[str, Any]]) -> FeatureRows:
        """Read in one round trip; each row has all join keys of the service, other entries are ignored.

        Raises:
            KeyError: if a row lacks a join key.
            ValueError: if a join key is null.
            RedisUnavailableError: if Redis is not reached.
        """
        lookups = self._lookups(entity_rows)
        with self._online.connections(self._config).async_link() as link:
            replies = await link.send(*commands(lookups))
        return self._rows(len(entity_rows), view_rows(lookups, checked(replies), self._by_view, self._now()))

    def read_now(self, entity_rows: Sequence[Mapping[str, Any]]) -> FeatureRows:
        """As ``read``, without an event loop."""
        lookups = self._lookups(entity_rows)
        with self._online.connections(self._config).link() as link:
            replies = link.send(*commands(lookups))
        return self._rows(len(entity_rows), view_rows(lookups, checked(replies), self._by_view, self._now()))

    def _lookups(self, entity_rows: Sequence[Mapping[str, Any]]) -> list[Lookup]:
        if not entity_rows:
            return [Lookup(plan, [], None) for plan in self._keys]
        columns = {
            name: asked(name, [row[name] for row in entity_rows], value_type)
            for name, value_type in self._key_types.items()
        }
        parts = key_parts(columns, frozenset(columns))
        return [lookup(plan, parts) for plan in self._keys]

    def _rows(self, rows: int, views: Sequence[ViewRows]) -> FeatureRows:
        microseconds = [view.unix_microseconds() for view in views]
        statuses = [view.view_statuses() for view in views]
        shape = (len(self.views), rows)
        return FeatureRows(
            names=self.names,
            views=self.views,
            values=_values(rows, len(self.names), views),
            timestamps=np.array(microseconds, np.float64).reshape(shape).T / 1e6,
            statuses=np.array(statuses, np.int64).reshape(shape).T,
        )


def _values(rows: int, features: int, views: Sequence[ViewRows]) -> NDArray[np.object_]:
    """[rows, features]; made value by value, since a value may be a list itself."""
    columns = chain.from_iterable(python_columns(views))
    return np.fromiter(columns, object, rows * features).reshape(features, rows).T


def _plans(store: FeatureStore, service: FeatureService) -> list[ReadPlan]:
    online = redis_store(store)
    plans = []
    for projection in service.feature_view_projections:
        view = store.registry.get_any_feature_view(projection.name, store.project, allow_cache=True)
        if isinstance(view, FeatureView):
            names = [feature.name for feature in projection.features]
            plans.append(online.read_plan(store.config, view.with_projection(copy(projection)), names))
    return plans


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float))
