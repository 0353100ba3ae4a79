"""What is asked of Feast for one or more feature services, resolved once. Control path."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from feast import FeatureStore, OnDemandFeatureView


@dataclass(frozen=True)
class FeaturePlan:
    """Features of some services, each named once, and how they are come by.

    Attributes:
        stored: Features that Feast reads, as ``view:feature``: also those that only on-demand views need.
        keys: Join keys and request columns that Feast asks for.
        on_demand: Views whose function is called on what was read.
    """

    stored: tuple[str, ...]
    keys: tuple[str, ...]
    on_demand: tuple[OnDemandFeatureView, ...]


def plan_services(store: FeatureStore, services: Sequence[str]) -> FeaturePlan:
    """Plan one read for all features of the services.

    One read for two services takes less time than two at once, since they share views. A plain Python on-demand view
    is called here rather than by Feast, which turns every value into a protobuf and back for it: a third of the time of
    a read. Other on-demand views are left to Feast.

    Raises:
        feast.errors.FeastObjectNotFoundException: if a service or a view is not registered.
    """
    stored: dict[str, None] = {}
    keys: dict[str, None] = {}
    called: dict[str, OnDemandFeatureView] = {}
    for view, projection in _views(store, services):
        if not isinstance(view, OnDemandFeatureView):
            stored |= dict.fromkeys(_references(projection))
        elif _is_plain_python(view):
            called[view.name] = view
            for source in view.source_feature_view_projections.values():
                stored |= dict.fromkeys(_references(source))
        else:
            stored |= dict.fromkeys(_references(projection))
            keys |= dict.fromkeys(view.get_request_data_schema())
    names = dict.fromkeys(reference.partition(":")[0] for reference in stored)
    keys |= dict.fromkeys(_join_keys(store, list(names)))
    return FeaturePlan(tuple(stored), tuple(keys), tuple(called.values()))


def plan_features(store: FeatureStore, references: Sequence[str]) -> FeaturePlan:
    """Plan a read of a few stored features, given as ``view:feature``."""
    keys = _join_keys(store, [reference.partition(":")[0] for reference in references])
    return FeaturePlan(tuple(references), keys, ())


def _views(store: FeatureStore, services: Sequence[str]) -> list[tuple[Any, Any]]:
    return [
        (store.registry.get_any_feature_view(projection.name, store.project, allow_cache=True), projection)
        for service in services
        for projection in store.get_feature_service(service, allow_cache=True).feature_view_projections
    ]


def _references(projection: Any) -> list[str]:
    return [f"{projection.name_to_use()}:{feature.name}" for feature in projection.features]


def _is_plain_python(view: OnDemandFeatureView) -> bool:
    return view.mode == "python" and not (view.singleton or view.aggregations or view.write_to_online_store)


def _join_keys(store: FeatureStore, views: Sequence[str]) -> tuple[str, ...]:
    found = [store.registry.get_any_feature_view(name, store.project, allow_cache=True) for name in views]
    return tuple(dict.fromkeys(key for view in found for key in getattr(view, "join_keys", ())))
