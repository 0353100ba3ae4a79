"""What the Feast registry says about events, feature views and services, as plain values.

Feast is not imported here: everything is read from the objects that the registry hands out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal, Protocol

Kind = Literal["string", "integer", "number", "boolean", "timestamp"]

EVENT_TIME: Final = "event_timestamp"
"""Time column of the rows of a windowed view."""

_NO_ENTITY: Final = "__dummy_id"
"""Feast's join key of a view that has no entity; its rows do not carry it."""

_FEAST_KINDS: Final[Mapping[str, Kind]] = {
    "String": "string",
    "Int32": "integer",
    "Int64": "integer",
    "Float32": "number",
    "Float64": "number",
    "Bool": "boolean",
    "UnixTimestamp": "timestamp",
}


class Store(Protocol):
    """A Feast `FeatureStore`, or anything else that has its registry and its project."""

    @property
    def registry(self) -> Any:
        """Feast's `BaseRegistry`."""

    @property
    def project(self) -> str:
        """Name of the project in the registry."""


@dataclass(frozen=True)
class Registered:
    """A registry and a project, where no whole `FeatureStore` is at hand."""

    registry: Any
    project: str


class UnknownDefinitionError(LookupError):
    """The registry has no such event type, view or service."""


@dataclass(frozen=True)
class Column:
    """What one column may hold. Bounds are inclusive unless `open_minimum` or `open_maximum` says otherwise."""

    name: str
    kind: Kind | None
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    open_minimum: bool = False
    open_maximum: bool = False
    length_min: int | None = None
    length_max: int | None = None
    choices: tuple[Any, ...] | None = None
    pattern: str | None = None
    reason: str = ""

    @property
    def never_negative(self) -> bool:
        """Whether the definition itself rules out negative values."""
        return self.minimum is not None and self.minimum >= 0


@dataclass(frozen=True)
class EventDefinition:
    """One event type: the columns of its messages, and which of them mean something."""

    name: str
    columns: tuple[Column, ...]
    time_column: str
    arrival_column: str
    event_id: str

    def column(self, name: str) -> Column:
        """The column of that name.

        Raises:
            UnknownDefinitionError: the events have no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise UnknownDefinitionError(
            f"events {self.name!r} have no column {name!r}; they have {[c.name for c in self.columns]}"
        )


@dataclass(frozen=True)
class WindowedFeature:
    """A feature and the aggregation behind it; `source` is the event column that is aggregated."""

    name: str
    source: Column
    function: str
    window: timedelta
    hop: timedelta
    counts_events: bool


@dataclass(frozen=True)
class ViewDefinition:
    """A feature view: `windowed` has one entry per aggregation and is empty for a plain view."""

    name: str
    join_keys: tuple[str, ...]
    time_column: str
    columns: tuple[Column, ...]
    windowed: tuple[WindowedFeature, ...] = ()


@dataclass(frozen=True)
class ServiceDefinition:
    """A feature service: its columns in order, and the views that they come from."""

    name: str
    columns: tuple[str, ...]
    views: tuple[ViewDefinition, ...]


def event_names(store: Store) -> list[str]:
    """Names of the registered event types (sources with a topic and an event id), sorted."""
    sources = store.registry.list_data_sources(store.project)
    return sorted(s.name for s in sources if hasattr(s, "kafka_options") and "event_id" in s.tags)


def event_definition(store: Store, name: str) -> EventDefinition:
    """The event type of that name.

    Raises:
        UnknownDefinitionError: no `KafkaSource` of that name is registered.
    """
    if name not in (known := event_names(store)):
        raise UnknownDefinitionError(f"no event type {name!r} is registered; there are {known}")
    source = store.registry.get_data_source(name, store.project)
    schema = json.loads(source.kafka_options.message_format.schema_json)
    return EventDefinition(
        name=name,
        columns=columns_of_schema(schema),
        time_column=source.timestamp_field,
        arrival_column=source.batch_source.created_timestamp_column,
        event_id=source.tags["event_id"],
    )


def columns_of_schema(schema: Mapping[str, Any]) -> tuple[Column, ...]:
    """The columns of a JSON schema's properties, in their order."""
    required = set(schema.get("required", ()))
    return tuple(
        _column(name, declared, required=name in required) for name, declared in schema["properties"].items()
    )


def view_definition(store: Store, view: Any) -> ViewDefinition:
    """A Feast feature view (plain or windowed) as plain values; the events behind it come from the registry."""
    windowed = _windowed_features(store, view)
    return ViewDefinition(
        name=view.name,
        join_keys=tuple(key for key in view.join_keys if key != _NO_ENTITY),
        time_column=EVENT_TIME if windowed else view.batch_source.timestamp_field,
        columns=tuple(
            Column(name=f.name, kind=_FEAST_KINDS.get(str(f.dtype)))
            for f in view.features
            if f.name not in view.join_keys
        ),
        windowed=windowed,
    )


def service_definition(store: Store, name: str) -> ServiceDefinition:
    """The feature service of that name.

    Raises:
        UnknownDefinitionError: no such service is registered.
    """
    known = sorted(service.name for service in store.registry.list_feature_services(store.project))
    if name not in known:
        raise UnknownDefinitionError(f"no feature service {name!r} is registered; there are {known}")
    service = store.registry.get_feature_service(name, store.project)
    projections = service.feature_view_projections
    views = [store.registry.get_any_feature_view(p.name, store.project) for p in projections]
    return ServiceDefinition(
        name=name,
        columns=tuple(f.name for p in projections for f in p.features),
        views=tuple(view_definition(store, view) for view in views if hasattr(view, "batch_source")),
    )


def _column(name: str, declared: Mapping[str, Any], *, required: bool) -> Column:
    stated = declared["type"]
    types: Sequence[str] = [stated] if isinstance(stated, str) else stated
    value_types = [t for t in types if t != "null"]
    kind: Any = "timestamp" if declared.get("format") == "date-time" else value_types[0]
    open_minimum, open_maximum = "exclusiveMinimum" in declared, "exclusiveMaximum" in declared
    return Column(
        name=name,
        kind=kind,
        nullable=not required or "null" in types,
        minimum=declared.get("exclusiveMinimum", declared.get("minimum")),
        maximum=declared.get("exclusiveMaximum", declared.get("maximum")),
        open_minimum=open_minimum,
        open_maximum=open_maximum,
        length_min=declared.get("minLength"),
        length_max=declared.get("maxLength"),
        choices=tuple(declared["enum"]) if "enum" in declared else None,
        pattern=declared.get("pattern"),
        reason=f"message contract: {json.dumps(declared)}",
    )


def _windowed_features(store: Store, view: Any) -> tuple[WindowedFeature, ...]:
    aggregations = getattr(view, "aggregations", None) or ()
    if not aggregations:
        return ()
    if "event_source" not in view.tags:
        raise UnknownDefinitionError(
            f"view {view.name!r} has aggregations but no tag event_source; name its KafkaSource there"
        )
    events = event_definition(store, view.tags["event_source"])
    return tuple(
        WindowedFeature(
            name=aggregation.resolved_name(aggregation.time_window),
            source=events.column(aggregation.column),
            function=aggregation.function,
            window=aggregation.time_window,
            hop=aggregation.slide_interval or aggregation.time_window,
            counts_events=aggregation.function == "count" and aggregation.column == events.event_id,
        )
        for aggregation in aggregations
    )
