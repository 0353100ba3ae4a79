"""Redis keys: Feast's entity key serialisation, version 3, followed by the project. Hot path.

Layout, little-endian: number of join keys, then of each join key in order of name its type (string), length and name,
then of each value in the same order its type, length and bytes.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from struct import Struct
from struct import error as StructError  # noqa: N812  a class
from typing import Any, Final

import numpy as np
import pyarrow as pa

from ingestion.stores.redis_online.ragged import Bytes, from_matrix, joined, lengths_of
from ingestion.stores.redis_online.values import whole_seconds

_WORD = Struct("<I")
_HEAD = Struct("<II")
_INT32 = Struct("<i")
_INT64 = Struct("<q")

_GLOB: Final = {byte: bytes([0x5C, byte]) for byte in b"*?[\\"}
"""Bytes that mean something in a Redis pattern, escaped."""

TYPES: Final = {"BYTES": 1, "STRING": 2, "INT32": 3, "INT64": 4, "UNIX_TIMESTAMP": 8}
"""The value types a join key may have, with their numbers in feast/types/Value.proto."""


def prefix(join_keys: Iterable[str]) -> bytes:
    """What every key of these join keys begins with."""
    names = [name.encode() for name in sorted(join_keys)]
    return _WORD.pack(len(names)) + b"".join(_HEAD.pack(TYPES["STRING"], len(name)) + name for name in names)


def part(value: Any, value_type: str) -> bytes:
    """One join key's value as it stands in a key.

    Args:
        value: str, bytes, or int (Unix seconds for UNIX_TIMESTAMP).
        value_type: Name of Feast's ValueType; one of TYPES.
    """
    data = _bytes_of(value, value_type)
    return _HEAD.pack(TYPES[value_type], len(data)) + data


def parts(values: Sequence[Any], value_type: str) -> list[bytes]:
    """As `part` for each value of a column."""
    if value_type != "STRING":
        return [part(value, value_type) for value in values]
    head, number = _HEAD.pack, TYPES[value_type]
    return [head(number, len(data)) + data for data in map(str.encode, values)]


def split(tail: bytes) -> tuple[bytes, bytes]:
    """The first part of what stands behind the prefix of a key, and the rest.

    Raises:
        struct.error: if there is no part.
    """
    end = _HEAD.size + _HEAD.unpack_from(tail)[1]
    return tail[:end], tail[end:]


def parts_of(key: bytes, join_keys: Collection[str], project: str) -> list[bytes] | None:
    """Parts of an entity's key, in order of the join keys' names; None: it is of others, or of another project."""
    head, parts = prefix(join_keys), []
    if not key.startswith(head):
        return None
    rest = key.removeprefix(head)
    try:
        for _ in join_keys:
            part, rest = split(rest)
            parts.append(part)
    except StructError:
        return None
    return parts if rest == project.encode() else None


def pattern(known: Iterable[bytes], project: str) -> bytes:
    """Redis pattern of the keys of a project that hold these bytes in this order; it matches too many, never too few."""
    return b"*".join(map(_escaped, [*known, project.encode()]))


def columns(join_keys: Mapping[str, tuple[pa.Array, str]], project: str) -> Bytes:
    """The key of each row.

    Args:
        join_keys: Name to its column and value type.
        project: Feast project; stands at the end of every key.

    Raises:
        ValueError: on a null, naming the join key and the row, and on a type that a key cannot have.
    """
    parts: list[Bytes | bytes] = [prefix(join_keys)]
    for name in sorted(join_keys):
        column, value_type = join_keys[name]
        _refuse_nulls(name, column)
        parts += _column_parts(name, column, value_type)
    return joined([*parts, project.encode()])


def _column_parts(name: str, column: pa.Array, value_type: str) -> Sequence[Bytes]:
    if value_type not in TYPES:
        raise ValueError(f"join key {name!r} is {value_type}; a key is one of {', '.join(TYPES)}")
    if value_type in ("STRING", "BYTES"):
        data = (
            column.cast(pa.string()).cast(pa.binary()) if value_type == "STRING" else column.cast(pa.binary())
        )
    else:
        data = _integers(column, value_type)
    return _heads(lengths_of(data), TYPES[value_type]), data


def _integers(column: pa.Array, value_type: str) -> Bytes:
    seconds = whole_seconds(column) if value_type == "UNIX_TIMESTAMP" else column.cast(pa.int64()).to_numpy()
    narrow = np.ascontiguousarray(seconds, "<i4" if value_type == "INT32" else "<i8")
    if not np.array_equal(narrow, seconds):
        raise ValueError(
            f"a join key of type {value_type} does not hold {int(seconds[narrow != seconds][0])}"
        )
    return _rows(narrow.view(np.uint8).reshape(len(narrow), narrow.dtype.itemsize))


def _heads(lengths: Any, number: int) -> Bytes:
    words = np.empty((len(lengths), 2), "<u4")
    words[:, 0] = number
    words[:, 1] = lengths
    return _rows(words.view(np.uint8).reshape(len(lengths), 8))


def _rows(matrix: Any) -> Bytes:
    return from_matrix(matrix, np.full(len(matrix), matrix.shape[1]))


def _bytes_of(value: Any, value_type: str) -> bytes:
    match value_type:
        case "STRING":
            return str(value).encode()
        case "BYTES":
            return bytes(value)
        case "INT32":
            return _INT32.pack(value)
        case "INT64" | "UNIX_TIMESTAMP":
            return _INT64.pack(value)
        case _:
            raise ValueError(f"a join key cannot be {value_type}; it is one of {', '.join(TYPES)}")


def _escaped(text: bytes) -> bytes:
    return b"".join(_GLOB.get(byte, bytes([byte])) for byte in text)


def _refuse_nulls(name: str, column: pa.Array) -> None:
    if column.null_count:
        row = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        raise ValueError(f"join key {name!r} is null in row {row}; drop such rows before they are written")
