"""Derives Feast objects from what is written once: an event's JSON schema and a view's aggregations.

The feature definitions use these helpers so that names and types of fields are never typed a second time.
Everything they say is stored in Feast's own objects; the registry alone is enough to run the definitions.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from feast import Entity, FileSource, KafkaSource, PushSource, StreamFeatureView
from feast.aggregation import Aggregation
from feast.data_format import JsonFormat
from feast.field import Field
from feast.types import Bool, FeastType, Float64, Int64, String, UnixTimestamp

ARRIVAL_COLUMN = "arrival_timestamp"
"""Column of every event archive: when the event was received."""

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_TYPES: dict[str, FeastType] = {"string": String, "number": Float64, "integer": Int64, "boolean": Bool}
_FUNCTION_TYPES: dict[str, FeastType] = {
    "count": Int64,
    "count_distinct": Int64,
    "mean": Float64,
    "std": Float64,
}


@dataclass(frozen=True)
class EventType:
    """One kind of event: the topic it arrives on and the archive it is kept in.

    Attributes:
        name: Name of the event type and of its topic.
        stream: The topic with its JSON schema, timestamp field and lateness, as Feast registers it.
        archive: The hive-partitioned parquet archive of the same events.
        schema: JSON schema of one message.
        event_id: Column that identifies an event; a repeated value counts once.
    """

    name: str
    stream: KafkaSource
    archive: FileSource
    schema: Mapping[str, Any]
    event_id: str


def event_type(
    name: str,
    properties: Mapping[str, Mapping[str, Any]],
    *,
    event_id: str,
    description: str,
    optional: Sequence[str] = (),
    timestamp_field: str = "event_timestamp",
    lateness: timedelta = timedelta(minutes=10),
    dedup_horizon: timedelta = timedelta(days=1),
) -> EventType:
    """Declare an event type.

    Args:
        name: Name of the topic; the archive lies at ``archive/<name>`` below the offline store's root.
        properties: JSON schema of each field; unknown fields are refused.
        event_id: Field that identifies an event.
        description: One sentence for the registry.
        optional: Fields that may be absent or null.
        timestamp_field: Field with the event time, an RFC 3339 string with zone.
        lateness: How far behind the newest event an event may be before it counts as late (it is still used).
        dedup_horizon: How long after its last arrival a repeated event id is recognised, in arrival time.
    """
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": name,
        "type": "object",
        "properties": dict(properties),
        "required": [field for field in properties if field not in optional],
        "additionalProperties": False,
    }
    tags = {"event_id": event_id, "dedup_horizon_seconds": str(int(dedup_horizon.total_seconds()))}
    archive = FileSource(
        name=f"{name}_archive",
        path=f"archive/{name}",
        timestamp_field=timestamp_field,
        created_timestamp_column=ARRIVAL_COLUMN,
        description=f"Archive of: {description}",
        tags=tags,
    )
    stream = KafkaSource(
        name=name,
        topic=name,
        kafka_bootstrap_servers="",
        message_format=JsonFormat(json.dumps(schema)),
        timestamp_field=timestamp_field,
        watermark_delay_threshold=lateness,
        batch_source=archive,
        description=description,
        tags=tags,
    )
    return EventType(name=name, stream=stream, archive=archive, schema=schema, event_id=event_id)


def windowed_view(
    name: str,
    *,
    entities: Sequence[Entity],
    events: EventType,
    aggregations: Sequence[Aggregation],
    description: str,
    prefix: str | None = None,
) -> StreamFeatureView:
    """Declare a stream feature view whose fields are derived from its aggregations.

    Args:
        name: Name of the view; rows are pushed through ``<name>_push``.
        entities: What the features describe; their join keys are columns of the events.
        events: The event type that is aggregated.
        aggregations: Column, function, window and hop of each feature.
        description: One sentence for the registry.
        prefix: First part of every feature name; by default the names of the entities.

    Raises:
        ValueError: if an aggregation names a column that the events do not have, or two features share a name.
    """
    lead = prefix or "_".join(entity.name for entity in entities)
    named = [_named(aggregation, lead, events) for aggregation in aggregations]
    names = [aggregation.name for aggregation in named]
    if repeated := {n for n in names if names.count(n) > 1}:
        raise ValueError(f"view {name!r} defines {sorted(repeated)} twice; remove one aggregation of each")
    keys = [Field(name=entity.join_key, dtype=String) for entity in entities]
    return StreamFeatureView(
        name=name,
        entities=list(entities),
        ttl=timedelta(0),
        schema=keys + [Field(name=a.name, dtype=feature_type(a, events)) for a in named],
        source=PushSource(name=f"{name}_push", batch_source=events.archive),
        aggregations=named,
        timestamp_field=events.archive.timestamp_field,
        description=description,
        tags={"event_source": events.name},
    )


def is_windowed(view: Any) -> bool:
    """Whether a Feast view is computed from events by aggregations with time windows."""
    return isinstance(view, StreamFeatureView) and any(a.time_window for a in view.aggregations)


def window_label(window: timedelta) -> str:
    """Shortest whole-unit name of a duration: ``10m``, ``1h``, ``1d``, ``30d``."""
    seconds = int(window.total_seconds())
    return next(f"{seconds // size}{unit}" for size, unit in _UNITS if seconds % size == 0)


def feature_name(aggregation: Aggregation, lead: str, events: EventType) -> str:
    """``<lead>_<column>_<function>_<window>``; a count of the event id is named after the events."""
    counts_events = aggregation.function == "count" and aggregation.column == events.event_id
    column = events.name if counts_events else aggregation.column
    return f"{lead}_{column}_{aggregation.function}_{window_label(aggregation.time_window)}"


def feature_type(aggregation: Aggregation, events: EventType) -> FeastType:
    """Feast type of an aggregation's value: counts are Int64, means Float64, the rest as its column."""
    column = column_type(events, aggregation.column)
    return _FUNCTION_TYPES.get(aggregation.function, Int64 if column is Bool else column)


def column_type(events: EventType, column: str) -> FeastType:
    """Feast type of an event's column."""
    properties = events.schema["properties"]
    if column not in properties:
        raise ValueError(f"{events.name!r} has no column {column!r}; it has {sorted(properties)}")
    declared = properties[column]
    if declared.get("format") == "date-time":
        return UnixTimestamp
    return _TYPES[declared["type"]]


def _named(aggregation: Aggregation, lead: str, events: EventType) -> Aggregation:
    return Aggregation(
        column=aggregation.column,
        function=aggregation.function,
        time_window=aggregation.time_window,
        slide_interval=aggregation.slide_interval,
        name=aggregation.name or feature_name(aggregation, lead, events),
    )
