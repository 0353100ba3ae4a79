"""Compiles the JSON schema of a flat message into fields that msgspec checks in C and polars keeps as columns."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
import polars as pl

_ANNOTATIONS: Final = {"title", "description", "examples", "$comment"}
_OBJECT_KEYWORDS: Final = {
    "$schema",
    "$id",
    "type",
    "properties",
    "required",
    "additionalProperties",
} | _ANNOTATIONS
_BOUNDS: Final = {"minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt"}
_LENGTHS: Final = {"minLength": "min_length", "maxLength": "max_length"}
_KEYWORDS: Final = {
    "string": {*_LENGTHS, "enum", "format"},
    "number": {*_BOUNDS},
    "integer": {*_BOUNDS, "enum"},
    "boolean": set[str](),
}
_PYTHON_TYPES: Final = {"string": str, "number": float, "integer": int, "boolean": bool}
_POLARS_TYPES: Final[Mapping[str, pl.DataType]] = {
    "string": pl.String(),
    "number": pl.Float64(),
    "integer": pl.Int64(),
    "boolean": pl.Boolean(),
}
_INT64: Final = (-(2**63), 2**63 - 1)

TIMESTAMP: Final = pl.Datetime("us", "UTC")


class SchemaError(ValueError):
    """A JSON schema says something that a contract cannot check."""


@dataclass(frozen=True)
class FieldSpec:
    """One field of a message.

    Attributes:
        name: Key in the JSON object and name of the column.
        checked: Type annotation that msgspec decodes and validates.
        column: Type of the column; a date-time is ``Datetime("us", "UTC")``.
        required: Whether it must be there and not be null.
    """

    name: str
    checked: Any
    column: pl.DataType
    required: bool


def compile_fields(name: str, schema: Mapping[str, Any]) -> tuple[FieldSpec, ...]:
    """Fields of a message in the order of the schema's properties.

    Raises:
        SchemaError: for a keyword, type or combination outside the supported subset; it is named, with its field.
    """
    _refuse_unknown(schema, _OBJECT_KEYWORDS, f"the schema of {name!r}")
    if schema.get("type", "object") != "object" or not schema.get("properties"):
        raise SchemaError(f"the schema of {name!r} must describe an object with properties")
    required = set(schema.get("required", ()))
    if strangers := required - set(schema["properties"]):
        raise SchemaError(f"the schema of {name!r} requires {sorted(strangers)}, which it does not describe")
    return tuple(
        _field(name, key, declared, key in required) for key, declared in schema["properties"].items()
    )


def decoder_for(name: str, fields: Iterable[FieldSpec], *, unknown_fields: bool) -> msgspec.json.Decoder[Any]:
    """Decoder into a struct whose attributes are ``f0, f1, ...`` in the order of the fields."""
    named = {f"f{i}": field for i, field in enumerate(fields)}
    struct = msgspec.defstruct(
        name.title().replace("_", "").replace("-", "") or "Event",
        [_struct_field(attribute, field) for attribute, field in named.items() if field.required]
        + [_struct_field(attribute, field) for attribute, field in named.items() if not field.required],
        rename={attribute: field.name for attribute, field in named.items()},
        forbid_unknown_fields=not unknown_fields,
        gc=False,
    )
    return msgspec.json.Decoder(struct)


def _struct_field(attribute: str, field: FieldSpec) -> Any:
    return (attribute, field.checked) if field.required else (attribute, field.checked | None, None)


def _field(name: str, key: str, declared: Mapping[str, Any], required: bool) -> FieldSpec:
    where = f"field {key!r} of {name!r}"
    kind = declared.get("type")
    if not isinstance(kind, str) or kind not in _KEYWORDS:
        raise SchemaError(f"{where} has type {kind!r}; supported are {sorted(_KEYWORDS)}")
    _refuse_unknown(declared, _KEYWORDS[kind] | {"type"} | _ANNOTATIONS, where)
    if "format" in declared:
        return FieldSpec(key, _date_time(declared, where), TIMESTAMP, required)
    return FieldSpec(key, _checked_type(kind, declared, where), _POLARS_TYPES[kind], required)


def _date_time(declared: Mapping[str, Any], where: str) -> Any:
    if declared["format"] != "date-time":
        raise SchemaError(f"{where} has format {declared['format']!r}; supported is 'date-time'")
    _refuse_unknown(declared, {"type", "format"} | _ANNOTATIONS, f"{where}, a date-time,")
    return Annotated[datetime, msgspec.Meta(tz=True)]


def _checked_type(kind: str, declared: Mapping[str, Any], where: str) -> Any:
    if "enum" in declared:
        _refuse_unknown(declared, {"type", "enum"} | _ANNOTATIONS, f"{where}, an enum,")
        if any(type(value) is not _PYTHON_TYPES[kind] for value in declared["enum"]):
            raise SchemaError(f"{where} has enum values {declared['enum']!r}; all must be of type {kind!r}")
        return Literal[tuple(declared["enum"])]
    limits = {python: declared[word] for word, python in (_BOUNDS | _LENGTHS).items() if word in declared}
    if {"ge", "gt"} <= limits.keys() or {"le", "lt"} <= limits.keys():
        raise SchemaError(f"{where} has an inclusive and an exclusive bound on one side; keep one of them")
    if kind == "integer":
        limits = _within_int64(limits)
    return Annotated[_PYTHON_TYPES[kind], msgspec.Meta(**limits)] if limits else _PYTHON_TYPES[kind]


def _within_int64(limits: dict[str, Any]) -> dict[str, Any]:
    """An integer without bounds still has to fit its column."""
    lower = {} if {"ge", "gt"} & limits.keys() else {"ge": _INT64[0]}
    upper = {} if {"le", "lt"} & limits.keys() else {"le": _INT64[1]}
    return limits | lower | upper


def _refuse_unknown(declared: Mapping[str, Any], known: set[str], where: str) -> None:
    if unknown := sorted(set(declared) - known):
        raise SchemaError(
            f"{where} uses {unknown}, which a contract cannot check; supported are {sorted(known)}"
        )
