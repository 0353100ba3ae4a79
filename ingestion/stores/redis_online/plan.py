"""How a view's features are read: everything that is the same for every entity is made once. Hot path."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any, Final

from feast import FeatureView, RepoConfig
from feast.protos.feast.types.Value_pb2 import Value
from feast.value_type import ValueType

from ingestion.derive import is_windowed
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
        nothing: Cells of an entity that is not shown, one per feature.
        unseen: Cells of an entity never seen, for windowed views; None: such an entity is not found.
        hash_fields: Where the features stand in the hash of an entity, and behind them the event timestamp.
        key_head, key_tail: What stands before and behind the join keys of an entity in its Redis key.
    """

    view: FeatureView
    features: tuple[str, ...]
    value_types: tuple[ValueType, ...]
    request_columns: tuple[str, ...]
    key_types: tuple[str, ...]
    ttl_seconds: float | None
    nothing: tuple[Cell, ...]
    unseen: tuple[Cell, ...] | None
    hash_fields: tuple[bytes, ...]
    key_head: bytes
    key_tail: bytes

    @cached_property
    def decoders(self) -> tuple[Callable[[Cell], Any], ...]:
        """Makes the Python value of a cell, of each feature."""
        return tuple(map(decoder, self.value_types))


@dataclass(frozen=True)
class KeyPlan:
    """How views are read that share the keys of their entities: one command reads an entity for all of them.

    Attributes:
        views: How each view is read.
        places: Their places among the views of the request.
        cells: Where a view's cells stand in a reply: one per feature, and behind them the event timestamp.
    """

    views: tuple[ReadPlan, ...]
    places: tuple[int, ...]
    cells: tuple[slice, ...]
    _command_head: bytes
    _command_tail: bytes

    @property
    def request_columns(self) -> tuple[str, ...]:
        """Where the join keys stand in a request."""
        return self.views[0].request_columns

    def key(self, parts: bytes) -> bytes:
        """Redis key of one entity; ``parts`` are its join keys as `keys.part` makes them, in the plan's order."""
        view = self.views[0]
        return b"%b%b%b" % (view.key_head, parts, view.key_tail)

    def command(self, key: bytes) -> bytes:
        """The packed command that reads the cells of one entity."""
        return b"%b$%d\r\n%b\r\n%b" % (self._command_head, len(key), key, self._command_tail)


def key_plans(views: Sequence[ReadPlan]) -> tuple[KeyPlan, ...]:
    """Plans for the views of a request, those with the same keys together."""
    places: dict[tuple[Any, ...], list[int]] = {}
    for place, view in enumerate(views):
        same = (view.request_columns, view.key_types, view.key_head, view.key_tail)
        places.setdefault(same, []).append(place)
    return tuple(_key_plan([views[place] for place in of_key], of_key) for of_key in places.values())


def _key_plan(views: Sequence[ReadPlan], places: Sequence[int]) -> KeyPlan:
    hash_fields = [field for view in views for field in view.hash_fields]
    bounds = accumulate((len(view.hash_fields) for view in views), initial=0)
    return KeyPlan(
        views=tuple(views),
        places=tuple(places),
        cells=tuple(slice(start, stop) for start, stop in pairwise(bounds)),
        _command_head=resp.head(2 + len(hash_fields)) + resp.bulk(b"HMGET"),
        _command_tail=b"".join(map(resp.bulk, hash_fields)),
    )


def read_plan(config: RepoConfig, view: FeatureView, requested: Sequence[str] | None) -> ReadPlan:
    """Plan to read the requested features of a view; all of them where none are named."""
    wire = view_wire(config, view)
    types = {field.name: field.dtype.to_value_type() for field in view.features}
    features = tuple(requested or types)
    hash_fields = (*(wire.field(feature) for feature in features), wire.timestamp_field)
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
        nothing=(None,) * len(features),
        unseen=_unseen(view, features, types) if is_windowed(view) else None,
        hash_fields=hash_fields,
        key_head=keys.prefix(join_keys),
        key_tail=config.project.encode(),
    )


def _unseen(view: Any, features: Sequence[str], types: Mapping[str, ValueType]) -> tuple[Cell, ...]:
    functions = {a.resolved_name(a.time_window): a.function for a in view.aggregations}
    return tuple(
        _ZEROS[types[feature].name] if functions.get(feature) in EMPTY_WINDOW_IS_ZERO else None
        for feature in features
    )
