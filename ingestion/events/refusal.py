"""Why a message was refused: a word to count by and a sentence to read. Slow path: called for refused messages only."""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

EMPTY: Final = "empty"
TOO_LARGE: Final = "too_large"
NOT_UTF8: Final = "not_utf8"
MALFORMED: Final = "malformed_json"
NOT_AN_OBJECT: Final = "not_an_object"
MISSING_FIELD: Final = "missing_field"
UNKNOWN_FIELD: Final = "unknown_field"
WRONG_TYPE: Final = "wrong_type"
OUT_OF_RANGE: Final = "out_of_range"
BAD_TIMESTAMP: Final = "bad_timestamp"
NO_ZONE: Final = "timestamp_without_zone"
TOO_OLD: Final = "too_old"
IN_THE_FUTURE: Final = "in_the_future"

KINDS: Final = (
    EMPTY, TOO_LARGE, NOT_UTF8, MALFORMED, NOT_AN_OBJECT, MISSING_FIELD, UNKNOWN_FIELD, WRONG_TYPE, OUT_OF_RANGE,
    BAD_TIMESTAMP, NO_ZONE, TOO_OLD, IN_THE_FUTURE,
)  # fmt: skip
"""Every kind of refusal; few and fixed, so they can be labels of a metric."""

_PATH: Final = re.compile(r"^(?P<problem>.*) - at `\$\.(?P<field>.*)`$", re.DOTALL)
_LONGEST_VALUE: Final = 60

_KIND_OF_PROBLEM: Final = (
    ("missing required field", MISSING_FIELD),
    (", got `null`", MISSING_FIELD),
    ("unknown field", UNKNOWN_FIELD),
    ("timezone", NO_ZONE),
    ("RFC3339", BAD_TIMESTAMP),
    ("Expected `object`", NOT_AN_OBJECT),
    (", got `", WRONG_TYPE),
)
"""First match wins; what matches none is a value of the right type outside its bounds."""


@dataclass(frozen=True)
class Rejected:
    """A message that breaks its contract.

    Attributes:
        position: Index of the message in its batch.
        reason: Field and problem, for people; the message is not repeated.
        kind: One of `KINDS`, for counting.
    """

    position: int
    reason: str
    kind: str


def explain(position: int, message: bytes | None, error: Exception) -> Rejected:
    """Why decoding failed.

    Args:
        position: Index of the message in its batch.
        message: The bytes as received; None is a Kafka message without value.
        error: What the decoder raised.
    """
    if message is None or not message.strip():
        return Rejected(position, "empty message", EMPTY)
    try:
        message.decode("utf-8")
    except UnicodeDecodeError as broken:
        byte = message[broken.start]
        return Rejected(position, f"not UTF-8: byte 0x{byte:02x} at position {broken.start}", NOT_UTF8)
    if not isinstance(error, msgspec.ValidationError):
        return Rejected(position, f"malformed JSON: {_without_prefix(error)}", MALFORMED)
    problem = str(error)
    kind = next((kind for text, kind in _KIND_OF_PROBLEM if text in problem), OUT_OF_RANGE)
    return Rejected(position, _sentence(problem, message), kind)


def _sentence(problem: str, message: bytes) -> str:
    """``amount: expected `float` > 0.0, got -5.0`` from msgspec's wording and the value in the message."""
    located = _PATH.match(problem)
    if located is None:
        return _lower_first(problem)
    field, said = located["field"], _lower_first(located["problem"])
    return f"{field}: {said}{_value(message, field, named=', got `' in said)}"


def _value(message: bytes, field: str, *, named: bool) -> str:
    """The value, after its type where the problem names it; nothing for null or what Python cannot hold either."""
    try:
        value = msgspec.json.decode(message)[field]
    except (msgspec.MsgspecError, RecursionError):
        return ""
    if value is None:
        return ""
    return f" {_shown(value)}" if named else f", got {_shown(value)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}... ({len(text)} characters)"


def _without_prefix(error: Exception) -> str:
    return _lower_first(str(error).removeprefix("JSON is malformed: ")) or type(error).__name__


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
