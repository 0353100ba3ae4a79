"""The entities a read asks for: values of a request as parts of Redis keys. Hot path."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values
from feast.value_type import ValueType

from ingestion.stores.redis_online import keys
from ingestion.stores.redis_online.plan import KeyPlan

KIND_TYPES: Final = {
    "string_val": "STRING",
    "bytes_val": "BYTES",
    "int32_val": "INT32",
    "int64_val": "INT64",
    "unix_timestamp_val": "UNIX_TIMESTAMP",
}
"""Field of a Feast ``Value`` to the value type that a join key of it has."""

_PLAIN: Final = {
    ValueType.STRING: (str, "string_val"),
    ValueType.INT64: (int, "int64_val"),
    ValueType.INT32: (int, "int32_val"),
}
"""Types whose Python values need no conversion by Feast, and the field of ``Value`` that holds them."""

_INT_BOUNDS: Final = {ValueType.INT64: 2**63, ValueType.INT32: 2**31}


@dataclass(frozen=True)
class Asked:
    """One column of a request.

    Attributes:
        values: [rows] Python values as the response shows them.
        protos: Makes the Feast values of it.
        parts: Makes the part of a Redis key of each; raises ValueError on a null.
    """

    values: list[Any]
    protos: Callable[[], list[Value]]
    parts: Callable[[], list[bytes]]


def asked(name: str, values: Sequence[Any], value_type: ValueType) -> Asked:
    """A column of Python values or of Feast values; ``value_type`` UNKNOWN is found out from the values.

    Raises:
        Exception: what Feast raises on values that do not fit the type.
    """
    if _is_plain(values, value_type):
        kind, code = _PLAIN[value_type][1], value_type.name
        return Asked(
            list(values),
            lambda: [Value(**{kind: value}) for value in values],
            lambda: keys.parts(values, code),
        )
    protos = python_values_to_proto_values(list(values), value_type)
    return Asked(
        [feast_value_type_to_python_type(proto) for proto in protos],
        lambda: protos,
        lambda: [_part(name, proto) for proto in protos],
    )


@dataclass(frozen=True)
class Lookup:
    """The different entities that views of one key are asked for.

    Attributes:
        plan: How the views are read.
        keys: Redis key of each different entity.
        rows: For each row of the request its place in ``keys``; None: each row has its own, in order.
    """

    plan: KeyPlan
    keys: list[bytes]
    rows: list[int] | None

    def commands(self) -> list[bytes]:
        """The packed command of each key."""
        return list(map(self.plan.command, self.keys))


def lookup(plan: KeyPlan, parts: Mapping[str, list[bytes]]) -> Lookup:
    """What the views of one key are asked for, each different entity once.

    Args:
        plan: How they are read.
        parts: Key parts of each column of the request.

    Raises:
        KeyError: if the request lacks a join key of the views.
    """
    columns = [parts.get(name, []) for name in plan.request_columns]
    if not all(columns):
        missing = [name for name in plan.request_columns if not parts.get(name)]
        raise KeyError(
            f"Missing join key values for keys: {missing} of feature view {plan.views[0].view.name!r}. "
            f"Provided join_key_values: {list(parts)}"
        )
    whole = columns[0] if len(columns) == 1 else list(map(b"".join, zip(*columns, strict=True)))
    different = dict.fromkeys(whole)
    made = list(map(plan.key, different))
    if len(made) == len(whole):
        return Lookup(plan, made, None)
    places = {part: place for place, part in enumerate(different)}
    return Lookup(plan, made, [places[part] for part in whole])


def commands(lookups: Sequence[Lookup]) -> tuple[list[bytes], list[bytes]]:
    """Keys and packed commands of all lookups, in order."""
    return [key for one in lookups for key in one.keys], [
        command for one in lookups for command in one.commands()
    ]


def key_parts(columns: Mapping[str, Asked], names: frozenset[str]) -> dict[str, list[bytes]]:
    """Key parts of the named columns that are there."""
    return {name: column.parts() for name, column in columns.items() if name in names}


def _is_plain(values: Sequence[Any], value_type: ValueType) -> bool:
    if value_type not in _PLAIN or not values:
        return False
    python_type = _PLAIN[value_type][0]
    if any(type(value) is not python_type for value in values):
        return False
    bound = _INT_BOUNDS.get(value_type)
    return bound is None or (-bound <= min(values) and max(values) < bound)


def _part(name: str, value: Value) -> bytes:
    kind = value.WhichOneof("val")
    if kind is None:
        raise ValueError(f"an entity is asked for whose join key {name!r} is null; leave such rows out")
    if kind not in KIND_TYPES:
        raise ValueError(f"join key {name!r} cannot be {kind}")
    return keys.part(getattr(value, kind), KIND_TYPES[kind])
