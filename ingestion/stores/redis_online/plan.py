"""How a view's features are read: everything that is the same for every entity is made once. Hot path."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from feast import FeatureView, RepoConfig
from feast.protos.feast.types.Value_pb2 import Value
from feast.value_type import ValueType

from ingestion.compile import is_windowed
from ingestion.stores.redis_online import keys, resp
from ingestion.stores.redis_online.cells import Cell, decoder
from ingestion.stores.redis_online.view_wire import view_wire

EMPTY_WINDOW_IS_ZERO: Final = frozenset({"sum", "count", "count_distinct"})
"""Functions of an empty window that are 0; the others are null."""

_ZEROS: Final = {
    "INT32": Value(int32_val=0).SerializeToString(),
    "INT64": Value(int64_val=0).SerializeToString(),
    "FLOAT": Value(float_val=0.0).SerializeToString(),
    "DOUBLE": Value(double_val=0.0).SerializeToString(),
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
        nothing: Cells of an entity that is not shown: one per feature and one for the timestamp.
        unseen: Cells of an entity never seen, for windowed views; None: such an entity is not found.
    """

    view: FeatureView
    features: tuple[str, ...]
    value_types: tuple[ValueType, ...]
    request_columns: tuple[str, ...]
    key_types: tuple[str, ...]
    ttl_seconds: float | None
    nothing: tuple[Cell, ...]
    unseen: tuple[Cell, ...] | None
    _key_head: bytes
    _key_tail: bytes
    _command_head: bytes
    _command_tail: bytes

    @cached_property
    def decoders(self) -> tuple[Callable[[Cell], Any], ...]:
        """Makes the Python value of a cell, of each feature."""
        return tuple(map(decoder, self.value_types))

    def key(self, parts: bytes) -> bytes:
        """Redis key of one entity; ``parts`` are its join keys as `keys.part` makes them, in the plan's order."""
        return b"%b%b%b" % (self._key_head, parts, self._key_tail)

    def command(self, key: bytes) -> bytes:
        """The packed command that reads the features of one entity, and behind them the event timestamp."""
        return b"%b$%d\r\n%b\r\n%b" % (self._command_head, len(key), key, self._command_tail)


def read_plan(config: RepoConfig, view: FeatureView, requested: Sequence[str] | None) -> ReadPlan:
    """Plan to read the requested features of a view; all of them where none are named."""
    wire = view_wire(config, view)
    types = {field.name: field.dtype.to_value_type() for field in view.features}
    features = tuple(requested or types)
    hash_fields = [*(wire.field(feature) for feature in features), wire.timestamp_field]
    join_keys = sorted(view.join_keys)
    key_types = {column.name: column.dtype.to_value_type().name for column in view.entity_columns}
    aliases = view.projection.join_key_map
    ttl = getattr(view, "ttl", None)  # an on-demand view that is written to the store has none
    return ReadPlan(
        view=view,
        features=features,
        value_types=tuple(types.get(feature, ValueType.UNKNOWN) for feature in features),
        request_columns=tuple(aliases.get(name, name) for name in join_keys),
        key_types=tuple(key_types[name] for name in join_keys),
        ttl_seconds=ttl.total_seconds() if ttl else None,
        nothing=(None,) * len(hash_fields),
        unseen=_unseen(view, features, types) if is_windowed(view) else None,
        _key_head=keys.prefix(join_keys),
        _key_tail=config.project.encode(),
        _command_head=resp.head(2 + len(hash_fields)) + resp.bulk(b"HMGET"),
        _command_tail=b"".join(map(resp.bulk, hash_fields)),
    )


def _unseen(view: Any, features: Sequence[str], types: Mapping[str, ValueType]) -> tuple[Cell, ...]:
    functions = {a.resolved_name(a.time_window): a.function for a in view.aggregations}
    zeros = [
        _ZEROS[types[feature].name] if functions.get(feature) in EMPTY_WINDOW_IS_ZERO else None
        for feature in features
    ]
    return (*zeros, None)
