"""Messages that could not be read, of somebody who was erased."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from ingestion.erasures.tombstones import PERSON, Tombstones
from ingestion.erasures.words import word

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def is_gone(erased: Tombstones, key: bytes | None, value: bytes | None, timestamp_field: str) -> bool:
    """Whether a message must not be kept: it is of somebody who was erased, and nothing shows that it is newer than that.

    Args:
        erased: Who was erased.
        key: Of the message: messages are keyed by person.
        value: Its bytes.
        timestamp_field: Where the event time stands in it.
    """
    if not erased.version:
        return False
    fields = _fields(value)
    persons = {fields.get(PERSON), (key or b"").decode(errors="replace")}
    ends = [
        end
        for person in persons
        if isinstance(person, str) and (end := erased.instant_us(person)) is not None
    ]
    at_us = _micros(fields.get(timestamp_field))
    return bool(ends) and (at_us is None or at_us <= max(ends))


def _fields(value: bytes | None) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _micros(told: Any) -> int | None:
    try:
        return (datetime.fromisoformat(told) - _EPOCH) // _MICROSECOND
    except (TypeError, ValueError):
        return None


def names(text: bytes | None, person: str) -> bool:
    """Whether a text has somebody's id in it as a word of its own."""
    return re.search(word([person]).encode(), text or b"") is not None
