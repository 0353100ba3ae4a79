"""What a feature service is made of, as parity needs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl
from feast.types import from_value_type

from expectations.definitions import service_definition
from expectations.parity.values import kind_of


@dataclass(frozen=True)
class View:
    """A view of either kind.

    Attributes:
        name: Its name.
        features: Those that the service or its on-demand views take, with the types in which they are compared.
    """

    name: str
    features: Mapping[str, pl.DataType]


@dataclass(frozen=True)
class StoredView(View):
    """A view whose rows lie in the online store.

    Attributes:
        keys: Its join keys.
        source: Where history reads it from (a Feast data source).
        reach: How far back its windows look; None: it is a table.
    """

    keys: tuple[str, ...]
    source: Any
    reach: timedelta | None


@dataclass(frozen=True)
class OnDemandView(View):
    """A view that is computed from stored features and the request.

    Attributes:
        inputs: Stored features that it takes.
        sources: Names of the views that these come from.
        view: Feast's `OnDemandFeatureView`.
    """

    inputs: tuple[str, ...]
    sources: tuple[str, ...]
    view: Any


@dataclass(frozen=True)
class ServicePlan:
    """A feature service.

    Attributes:
        name: Its name.
        features: Its own features, in order; views may have more, which on-demand views take.
        stored: The stored views behind it.
        on_demand: Its on-demand views.
        request: What it takes from the request, with types.
    """

    name: str
    features: tuple[str, ...]
    stored: tuple[StoredView, ...]
    on_demand: tuple[OnDemandView, ...]
    request: Mapping[str, pl.DataType]

    @property
    def keys(self) -> tuple[str, ...]:
        """All join keys."""
        return tuple(dict.fromkeys(key for view in self.stored for key in view.keys))

    @property
    def views(self) -> tuple[View, ...]:
        """All views."""
        return *self.stored, *self.on_demand

    @property
    def kinds(self) -> dict[str, pl.DataType]:
        """All features and the types in which they are compared."""
        return {name: kind for view in self.views for name, kind in view.features.items()}

    @property
    def references(self) -> list[str]:
        """All features as Feast's ``view:feature``."""
        return [f"{view.name}:{name}" for view in self.views for name in view.features]


def plan(store: Any, service: str) -> ServicePlan:
    """The parts of a feature service.

    Args:
        store: A ``feast.FeatureStore``.
        service: Its name.

    Raises:
        UnknownDefinitionError: the registry has no such service.
    """
    definition = service_definition(store, service)
    projections = store.get_feature_service(service).feature_view_projections
    views = {p.name: store.registry.get_any_feature_view(p.name, store.project) for p in projections}
    on_demand = tuple(_on_demand(views[p.name], p) for p in projections if not _is_stored(views[p.name]))
    taken = [p for p in projections if _is_stored(views[p.name])]
    taken += [p for part in on_demand for p in part.view.source_feature_view_projections.values()]
    by_view: dict[str, dict[str, pl.DataType]] = {}
    for projection in taken:
        fields = {field.name: kind_of(field.dtype) for field in projection.features}
        by_view.setdefault(projection.name, {}).update(fields)
    request = {
        name: kind_of(from_value_type(kind))
        for part in on_demand
        for name, kind in part.view.get_request_data_schema().items()
    }
    stored = tuple(_stored(store, name, fields) for name, fields in by_view.items())
    return ServicePlan(service, definition.columns, stored, on_demand, request)


def _is_stored(view: Any) -> bool:
    return hasattr(view, "batch_source")


def _stored(store: Any, name: str, features: Mapping[str, pl.DataType]) -> StoredView:
    view = store.registry.get_any_feature_view(name, store.project)
    windows = [aggregation.time_window for aggregation in getattr(view, "aggregations", None) or ()]
    return StoredView(name, features, tuple(view.join_keys), view.batch_source, max(windows, default=None))


def _on_demand(view: Any, projection: Any) -> OnDemandView:
    sources = view.source_feature_view_projections.values()
    return OnDemandView(
        name=projection.name,
        features={feature.name: kind_of(feature.dtype) for feature in projection.features},
        inputs=tuple(feature.name for source in sources for feature in source.features),
        sources=tuple(source.name for source in sources),
        view=view,
    )
