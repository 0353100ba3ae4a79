"""Feast's ``Value`` protobufs as bytes: whole columns in, single values out, without protobuf objects. Hot path.

Field numbers and types are those of feast/types/Value.proto. A null is the empty ``Value``: no bytes at all.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from struct import Struct
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingestion.stores.redis_online.ragged import Bytes, fixed, joined, lengths_of, varints

Decoder = Callable[[bytes], Any]

NULL_TIMESTAMP: Final = -(2**63)
"""What Feast writes for a null UNIX_TIMESTAMP: numpy's not-a-time."""

BYTES, STRING, INT32, INT64, DOUBLE, FLOAT, BOOL, TIMESTAMP = (
    0x0A,
    0x12,
    0x18,
    0x20,
    0x29,
    0x35,
    0x38,
    0x40,
)
"""First byte of a stored value: field number and wire type of the protobuf."""

_DOUBLE_BITS = Struct("<d")
_FLOAT_BITS = Struct("<f")


def encode(column: pa.Array, value_type: str) -> Bytes:
    """Value bytes of each row of ``column``; null and NaN become the empty value.

    Args:
        column: Any Arrow type that converts to the feature's type without loss.
        value_type: Name of Feast's ValueType; one of ENCODED.

    Raises:
        pyarrow.ArrowInvalid: if a value does not fit the type.
    """
    return ENCODED[value_type](column)


def _encode_double(column: pa.Array) -> Bytes:
    return _encode_real(column, pa.float64(), DOUBLE)


def _encode_float(column: pa.Array) -> Bytes:
    return _encode_real(column, pa.float32(), FLOAT)


def _encode_real(column: pa.Array, arrow_type: pa.DataType, tag: int) -> Bytes:
    values = column.cast(arrow_type, safe=False).to_numpy(zero_copy_only=False)
    return fixed(values, tag, np.isnan(values))


def _encode_int32(column: pa.Array) -> Bytes:
    return _encode_integer(column, pa.int32(), INT32)


def _encode_int64(column: pa.Array) -> Bytes:
    return _encode_integer(column, pa.int64(), INT64)


def _encode_integer(column: pa.Array, arrow_type: pa.DataType, tag: int) -> Bytes:
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    values = column.cast(arrow_type).fill_null(0).to_numpy(zero_copy_only=False)
    return varints(values.astype(np.int64), tag, _nulls(column))


def _encode_bool(column: pa.Array) -> Bytes:
    values = column.cast(pa.bool_()).fill_null(False).to_numpy(zero_copy_only=False)
    return varints(values.astype(np.int64), BOOL, _nulls(column))


def _encode_timestamp(column: pa.Array) -> Bytes:
    seconds = whole_seconds(column)
    return varints(seconds, TIMESTAMP, np.zeros(len(column), np.bool_))


def _encode_string(column: pa.Array) -> Bytes:
    return _encode_text(column.cast(pa.string()).cast(pa.binary()), STRING)


def _encode_bytes(column: pa.Array) -> Bytes:
    return _encode_text(column.cast(pa.binary()), BYTES)


def _encode_text(column: Bytes, tag: int) -> Bytes:
    present = column.fill_null(b"")
    return joined([varints(lengths_of(present), tag, _nulls(column)), present])


def _nulls(column: pa.Array) -> Any:
    return column.is_null().to_numpy(zero_copy_only=False)


def whole_seconds(column: pa.Array) -> Any:
    """Unix seconds, int64, rounded down; integers are taken as seconds, null is NULL_TIMESTAMP."""
    if pa.types.is_timestamp(column.type):
        per_second = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[column.type.unit]
        ticks = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        return np.where(_nulls(column), NULL_TIMESTAMP, ticks // per_second)
    return column.cast(pa.int64()).fill_null(NULL_TIMESTAMP).to_numpy(zero_copy_only=False)


ENCODED: Final[dict[str, Callable[[pa.Array], Bytes]]] = {
    "DOUBLE": _encode_double,
    "FLOAT": _encode_float,
    "INT32": _encode_int32,
    "INT64": _encode_int64,
    "BOOL": _encode_bool,
    "STRING": _encode_string,
    "BYTES": _encode_bytes,
    "UNIX_TIMESTAMP": _encode_timestamp,
}
"""The value types that are encoded here, by name; Feast's own conversion is taken for the others."""


def _decode_double(value: bytes) -> float:
    return _DOUBLE_BITS.unpack_from(value, 1)[0]


def _decode_float(value: bytes) -> float:
    return _FLOAT_BITS.unpack_from(value, 1)[0]


def _decode_integer(value: bytes) -> int:
    return value[1] if len(value) == 2 else varint(value, 1)[0]


def _decode_bool(value: bytes) -> bool:
    return value[1] != 0


def _decode_timestamp(value: bytes) -> datetime | None:
    seconds = _decode_integer(value)
    return None if seconds == NULL_TIMESTAMP else datetime.fromtimestamp(seconds, UTC)


def _decode_bytes(value: bytes) -> bytes:
    return value[2:] if value[1] < 128 else value[varint(value, 1)[1] :]


def _decode_string(value: bytes) -> str:
    return _decode_bytes(value).decode()


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The int64 at ``at`` and the index behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value - (1 << 64) if value >= 1 << 63 else value), at
        shift += 7


DECODED: Final[dict[int, Decoder]] = {
    DOUBLE: _decode_double,
    FLOAT: _decode_float,
    INT32: _decode_integer,
    INT64: _decode_integer,
    BOOL: _decode_bool,
    STRING: _decode_string,
    BYTES: _decode_bytes,
    TIMESTAMP: _decode_timestamp,
}
"""First byte of a stored value to the function that reads the Python value; the other types are left to Feast."""
