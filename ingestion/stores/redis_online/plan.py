"""How a view's features are read: everything that is the same for every entity is made once. Hot path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from feast import FeatureView, RepoConfig
from feast.protos.feast.serving.ServingService_pb2 import FieldStatus
from feast.protos.feast.types.Value_pb2 import Value
from feast.value_type import ValueType

from ingestion.compile import is_windowed
from ingestion.stores.redis_online import keys, resp
from ingestion.stores.redis_online.view_wire import view_wire

EMPTY_WINDOW_IS_ZERO: Final = frozenset({"sum", "count", "count_distinct"})
"""Functions of an empty window that are 0; the others are null."""

_ZEROS: Final = {
    "INT32": Value(int32_val=0),
    "INT64": Value(int64_val=0),
    "FLOAT": Value(float_val=0.0),
    "DOUBLE": Value(double_val=0.0),
}

_VALUE_TYPES: Final = {
    "string_val": "STRING",
    "bytes_val": "BYTES",
    "int32_val": "INT32",
    "int64_val": "INT64",
    "unix_timestamp_val": "UNIX_TIMESTAMP",
}


@dataclass(frozen=True)
class ReadPlan:
    """How the requested features of one view are read.

    Attributes:
        view: The view, with the projection it is read through.
        features: Names of the features, in the order they were asked for.
        value_types: Their types.
        request_columns: Where the join keys stand in a request, in order of the join keys' own names.
        key_types: Types of the join keys, in the same order.
        ttl_seconds: Older rows are outside the maximum age; None: rows do not age.
        unseen: Value of each feature of an entity never seen, for windowed views; None: such an entity is not found.
        unseen_statuses: Feast's FieldStatus of each of them.
    """

    view: FeatureView
    features: tuple[str, ...]
    value_types: tuple[ValueType, ...]
    request_columns: tuple[str, ...]
    key_types: tuple[str, ...]
    ttl_seconds: float | None
    unseen: tuple[Value, ...] | None
    unseen_statuses: tuple[FieldStatus.ValueType, ...]
    _key_head: bytes
    _key_tail: bytes
    _command_head: bytes
    _command_tail: bytes

    def key_of_protos(self, row: Sequence[Value]) -> bytes:
        """Redis key of one entity; ``row`` has its join keys in the plan's order.

        Raises:
            ValueError: if a join key is null or of a type that keys cannot have.
        """
        return self._key_head + b"".join(map(self._part, self.request_columns, row)) + self._key_tail

    def key(self, row: Mapping[str, Any]) -> bytes:
        """Redis key of one entity; ``row`` has the request's columns as Python values.

        Raises:
            KeyError: if a join key is missing.
            ValueError: if one is null.
        """
        parts = []
        for name, value_type in zip(self.request_columns, self.key_types, strict=True):
            if row[name] is None:
                raise ValueError(_null_key(self.view.name, name))
            parts.append(keys.part(row[name], value_type))
        return self._key_head + b"".join(parts) + self._key_tail

    def command(self, key: bytes) -> bytes:
        """The packed command that reads the features of one entity, and behind them the event timestamp."""
        return self._command_head + resp.bulk(key) + self._command_tail

    def _part(self, name: str, value: Value) -> bytes:
        kind = value.WhichOneof("val")
        if kind not in _VALUE_TYPES:
            raise ValueError(
                _null_key(self.view.name, name) if kind is None else f"join key {name!r} cannot be {kind}"
            )
        return keys.part(getattr(value, kind), _VALUE_TYPES[kind])


def read_plan(config: RepoConfig, view: FeatureView, requested: Sequence[str] | None) -> ReadPlan:
    """Plan to read the requested features of a view; all of them where none are named."""
    wire = view_wire(config, view)
    types = {field.name: field.dtype.to_value_type() for field in view.features}
    features = tuple(requested or types)
    hash_fields = [*(wire.field(feature) for feature in features), wire.timestamp_field]
    join_keys = sorted(view.join_keys)
    key_types = {column.name: column.dtype.to_value_type().name for column in view.entity_columns}
    unseen = _unseen(view, features, types) if is_windowed(view) else None
    aliases = view.projection.join_key_map
    return ReadPlan(
        view=view,
        features=features,
        value_types=tuple(types.get(feature, ValueType.UNKNOWN) for feature in features),
        request_columns=tuple(aliases.get(name, name) for name in join_keys),
        key_types=tuple(key_types[name] for name in join_keys),
        ttl_seconds=view.ttl.total_seconds() if view.ttl else None,
        unseen=unseen,
        unseen_statuses=tuple(
            FieldStatus.PRESENT if value.WhichOneof("val") else FieldStatus.NULL_VALUE
            for value in unseen or ()
        ),
        _key_head=keys.prefix(join_keys),
        _key_tail=config.project.encode(),
        _command_head=resp.head(2 + len(hash_fields)) + resp.bulk(b"HMGET"),
        _command_tail=b"".join(map(resp.bulk, hash_fields)),
    )


def _unseen(view: Any, features: Sequence[str], types: Mapping[str, ValueType]) -> tuple[Value, ...]:
    functions = {a.resolved_name(a.time_window): a.function for a in view.aggregations}
    return tuple(
        _ZEROS[types[feature].name] if functions.get(feature) in EMPTY_WINDOW_IS_ZERO else Value()
        for feature in features
    )


def _null_key(view: str, name: str) -> str:
    return f"view {view!r} is asked for an entity whose join key {name!r} is null; leave such rows out"
