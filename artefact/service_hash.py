"""Hash of what a model's inputs mean, from the registry: a model fits the features it was trained on, no others.

Only what changes the values of these inputs is hashed: a feature that is added beside them changes nothing. Nor do
descriptions, owners, file paths, times of registration and the compiled bytes of functions, so that one definition has
one hash in every environment.
"""

import hashlib
import json
from collections.abc import Collection
from typing import Any


def feature_service_hash(store: Any, service_name: str, inputs: Collection[str]) -> str:
    """Hex sha256 of the definitions behind some features of a registered feature service.

    Args:
        store: A ``feast.FeatureStore``.
        service_name: Name of the feature service.
        inputs: Names of the features; one that the service lacks is no part of the hash.

    Raises:
        feast.errors.FeatureServiceNotFoundException: if it is not registered.
    """
    service = store.get_feature_service(service_name, allow_cache=True)
    definition = sorted(
        (
            _projection(store, projection, {field.name for field in used})
            for projection in service.feature_view_projections
            if (used := [field for field in projection.features if field.name in inputs])
        ),
        key=_canonical,
    )
    return hashlib.sha256(_canonical(definition).encode()).hexdigest()


def _projection(store: Any, projection: Any, used: Collection[str]) -> dict[str, Any]:
    view = store.registry.get_any_feature_view(projection.name, store.project, allow_cache=True)
    on_demand = hasattr(view, "source_request_sources")
    return {
        "features": _fields(field for field in projection.features if field.name in used),
        "join_key_map": dict(projection.join_key_map),
        "view": _on_demand(store, view) if on_demand else _stored(view, used),
    }


def _stored(view: Any, used: Collection[str]) -> dict[str, Any]:
    source = view.batch_source
    return {
        "name": view.name,
        "keys": _fields(view.entity_columns),
        "source": [source.name, source.timestamp_field, source.created_timestamp_column, dict(source.tags)],
        "ttl_seconds": view.ttl.total_seconds() if view.ttl else None,
        "aggregations": sorted(
            [a.name, a.column, a.function, a.time_window.total_seconds(), a.slide_interval.total_seconds()]
            for a in getattr(view, "aggregations", None) or ()
            if a.resolved_name(a.time_window) in used
        ),
    }


def _on_demand(store: Any, view: Any) -> dict[str, Any]:
    return {
        "name": view.name,
        "mode": view.mode,
        "transformation": view.feature_transformation.udf_string,
        "request": {name: _fields(source.schema) for name, source in view.source_request_sources.items()},
        "views": {
            name: _projection(store, projection, {field.name for field in projection.features})
            for name, projection in view.source_feature_view_projections.items()
        },
    }


def _fields(fields: Any) -> dict[str, str]:
    return {field.name: str(field.dtype) for field in fields}


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
