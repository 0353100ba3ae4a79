"""Stored values as Python values, one by one or a column of them, without protobuf objects. Hot path.

A cell is what a hash field holds: the bytes of a Feast ``Value``; None or no bytes at all is null.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

import numpy as np
from feast.protos.feast.types.Value_pb2 import NULL, Value
from feast.type_map import feast_value_type_to_python_type
from feast.value_type import ValueType

from ingestion.stores.redis_online.unpacked import joined, varint_fields
from ingestion.stores.redis_online.values import BOOL, DECODED, DOUBLE, INT32, INT64, NULL_TIMESTAMP, STRING

Cell = bytes | None

MANY: Final = 16
"""From so many cells on a column is decoded as one."""

NULLS: Final = frozenset(
    {
        None,
        b"",
        Value(null_val=NULL).SerializeToString(),
        Value(unix_timestamp_val=NULL_TIMESTAMP).SerializeToString(),
    }
)
"""Cells that mean null."""

_NULL: Final = Value()
_REAL: Final = np.dtype([("tag", "u1"), ("value", "<f8")])
_ASKS_THE_TYPE: Final = frozenset(
    getattr(ValueType, f"{name}{more}") for name in ("UUID", "TIME_UUID") for more in ("", "_LIST", "_SET")
)
"""Types whose values may be stored under another type's tag; Feast's own conversion tells them apart."""


@cache
def decoder(value_type: ValueType) -> Callable[[Cell], Any]:
    """What makes the Python value of a cell of a type, as ``OnlineResponse.to_dict`` gives it."""

    def by_feast(cell: bytes) -> Any:
        return None if cell in NULLS else feast_value_type_to_python_type(Value.FromString(cell), value_type)

    def by_tag(cell: Cell) -> Any:
        if not cell:
            return None
        decode = decoded.get(cell[0])
        return by_feast(cell) if decode is None else decode(cell)

    decoded = {} if value_type in _ASKS_THE_TYPE else DECODED
    return by_tag


def proto(cell: Cell) -> Value:
    """Feast value of a cell; null is the empty value. Not to be changed by the caller: nulls share one object."""
    return Value.FromString(cell) if cell and cell not in NULLS else _NULL


def column(cells: Sequence[Cell], value_type: ValueType) -> list[Any]:
    """Python values of the cells of one feature."""
    decode_all = _COLUMNS.get(value_type) if len(cells) >= MANY else None
    values = decode_all(cells) if decode_all is not None else None
    return list(map(decoder(value_type), cells)) if values is None else values


def columns(of_features: Sequence[Sequence[Cell]], value_types: Sequence[ValueType]) -> list[list[Any]]:
    """Python values of the cells of several features; those of one type are decoded together.

    Args:
        of_features: [features] cells, of each as many as there are.
        value_types: [features] their types.
    """
    by_type: dict[ValueType, list[int]] = {}
    for place, value_type in enumerate(value_types):
        by_type.setdefault(value_type, []).append(place)
    made: list[list[Any]] = [[]] * len(of_features)
    for value_type, places in by_type.items():
        values, start = column(list(chain.from_iterable(of_features[p] for p in places)), value_type), 0
        for place in places:
            stop = start + len(of_features[place])
            made[place] = values[start:stop]
            start = stop
    return made


def _doubles(cells: Sequence[Cell]) -> list[Any] | None:
    data = b"".join([cell or bytes(_REAL.itemsize) for cell in cells])
    if len(data) != len(cells) * _REAL.itemsize:
        return None
    read = np.frombuffer(data, _REAL)
    return _with_nulls(read["value"].tolist(), read["tag"], DOUBLE)


def _integers(tag: int) -> Callable[[Sequence[Cell]], list[Any] | None]:
    def decode(cells: Sequence[Cell]) -> list[Any] | None:
        tags, values, _ = varint_fields(*joined([cell or b"" for cell in cells]))
        return _with_nulls(values.tolist(), tags, tag)

    return decode


def _bools(cells: Sequence[Cell]) -> list[Any] | None:
    tags, values, _ = varint_fields(*joined([cell or b"" for cell in cells]))
    return _with_nulls((values != 0).tolist(), tags, BOOL)


def _strings(cells: Sequence[Cell]) -> list[Any]:
    decode = decoder(ValueType.STRING)
    return [
        cell[2:].decode() if cell and cell[0] == STRING and cell[1] < 128 else decode(cell) for cell in cells
    ]


def _with_nulls(values: list[Any], tags: Any, expected: int) -> list[Any] | None:
    """None where a cell is empty; no values at all where one is of another type than expected."""
    for row in np.flatnonzero(tags != expected).tolist():
        if tags[row] != 0:
            return None
        values[row] = None
    return values


_COLUMNS: Final[dict[ValueType, Callable[[Sequence[Cell]], list[Any] | None]]] = {
    ValueType.DOUBLE: _doubles,
    ValueType.INT32: _integers(INT32),
    ValueType.INT64: _integers(INT64),
    ValueType.BOOL: _bools,
    ValueType.STRING: _strings,
}
