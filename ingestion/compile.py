"""Compiles Feast's stream feature views into window specifications: the registry is the only source."""

from datetime import timedelta
from typing import Any

import polars as pl
from feast import FeatureStore, KafkaSource, StreamFeatureView
from feast.types import Bool, FeastType, Float32, Float64, Int32, Int64, String, UnixTimestamp

from ingestion.derive import is_windowed
from ingestion.windows.spec import TIMESTAMP, SpecError, ViewSpec, WindowedFeature

POLARS_TYPES: dict[FeastType, pl.DataType] = {
    Bool: pl.Boolean(),
    Float32: pl.Float32(),
    Float64: pl.Float64(),
    Int32: pl.Int32(),
    Int64: pl.Int64(),
    String: pl.String(),
    UnixTimestamp: TIMESTAMP,
}


def windowed_views(store: FeatureStore) -> list[StreamFeatureView]:
    """All windowed views of the registry, by name."""
    return sorted((v for v in store.list_stream_feature_views() if is_windowed(v)), key=lambda v: v.name)


def event_source(store: FeatureStore, view: StreamFeatureView) -> KafkaSource:
    """The topic whose events a view aggregates.

    Raises:
        SpecError: if the view names none, or one that is not a Kafka source.
    """
    name = view.tags.get("event_source")
    topics = {s.name: s for s in store.list_data_sources() if isinstance(s, KafkaSource)}
    if name not in topics:
        raise SpecError(
            f"view {view.name!r}: tag event_source is {name!r}; the registered topics are {sorted(topics)}"
        )
    return topics[name]


def compile_view(view: StreamFeatureView) -> ViewSpec:
    """Window specification of a registered view.

    Raises:
        SpecError: if an aggregation has no window, an unknown function, a hop that does not divide its window, or
            no field of its name in the schema.
    """
    source = view.batch_source
    types = {field.name: field.dtype for field in view.features}
    keys = tuple(field.name for field in view.entity_columns)
    return ViewSpec(
        name=view.name,
        join_keys=keys,
        timestamp_column=source.timestamp_field,
        arrival_column=source.created_timestamp_column or None,
        event_id_column=source.tags.get("event_id"),
        dedup_horizon_us=1_000_000 * int(source.tags.get("dedup_horizon_seconds", "0")),
        features=tuple(_feature(view.name, aggregation, types) for aggregation in view.aggregations),
    )


def _feature(view: str, aggregation: Any, types: dict[str, FeastType]) -> WindowedFeature:
    if not aggregation.time_window:
        raise SpecError(
            f"view {view!r}: {aggregation.function}({aggregation.column}) has no time_window; give it one"
        )
    name = aggregation.resolved_name(aggregation.time_window)
    if name not in types:
        raise SpecError(
            f"view {view!r} has no field {name!r} for its aggregation; its fields are {sorted(types)}"
        )
    if types[name] not in POLARS_TYPES:
        raise SpecError(
            f"view {view!r}: field {name!r} has type {types[name]}; give it one of {list(POLARS_TYPES)}"
        )
    return WindowedFeature(
        name=name,
        column=aggregation.column,
        function=aggregation.function,
        window_us=_microseconds(aggregation.time_window),
        hop_us=_microseconds(aggregation.slide_interval),
        dtype=POLARS_TYPES[types[name]],
    )


def _microseconds(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
