"""Breaks messages on purpose: one function for each way, named by the kind of refusal that it must end in."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from ingestion.events import refusal

Break = Callable[[dict[str, Any], bytes], bytes]


def _with(event: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps(event | changes).encode()


def _number_field(event: dict[str, Any]) -> str:
    return "amount" if "amount" in event else "cart_quantity"


def _truncated(_event: dict[str, Any], payload: bytes) -> bytes:
    return payload[: len(payload) // 2]


def _empty(_event: dict[str, Any], _payload: bytes) -> bytes:
    return b""


def _latin1(event: dict[str, Any], payload: bytes) -> bytes:
    return payload.replace(event["product_id"].encode(), "Stövchen".encode("latin-1"))


def _in_a_list(_event: dict[str, Any], payload: bytes) -> bytes:
    return b"[" + payload + b"]"


def _without_user(event: dict[str, Any], _payload: bytes) -> bytes:
    return json.dumps({field: value for field, value in event.items() if field != "user_id"}).encode()


def _null_product(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, product_id=None)


def _debug_field(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, debug=True)


def _numeric_product(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, product_id=4711)


def _not_a_number(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, **{_number_field(event): float("nan")})


def _beyond_floats(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, **{_number_field(event): 10**400})


def _negative(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, **{_number_field(event): -5})


def _no_zone(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, event_timestamp=event["event_timestamp"].removesuffix("Z"))


def _no_time(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, event_timestamp="soon")


def _epoch(event: dict[str, Any], _payload: bytes) -> bytes:
    return _with(event, event_timestamp="1970-01-01T00:00:00Z")


def _next_week(event: dict[str, Any], _payload: bytes) -> bytes:
    later = datetime.fromisoformat(event["event_timestamp"]) + timedelta(days=7)
    return _with(event, event_timestamp=later.isoformat())


BREAKS: Final[tuple[tuple[str, Break], ...]] = (
    (refusal.MALFORMED, _truncated),
    (refusal.EMPTY, _empty),
    (refusal.OUT_OF_RANGE, _negative),
    (refusal.MISSING_FIELD, _without_user),
    (refusal.NO_ZONE, _no_zone),
    (refusal.WRONG_TYPE, _numeric_product),
    (refusal.UNKNOWN_FIELD, _debug_field),
    (refusal.IN_THE_FUTURE, _next_week),
    (refusal.MALFORMED, _not_a_number),
    (refusal.TOO_OLD, _epoch),
    (refusal.NOT_UTF8, _latin1),
    (refusal.NOT_AN_OBJECT, _in_a_list),
    (refusal.MISSING_FIELD, _null_product),
    (refusal.OUT_OF_RANGE, _beyond_floats),
    (refusal.BAD_TIMESTAMP, _no_time),
)
"""The kind of refusal, and what brings it about; used in turn."""


def broken(number: int, payload: bytes) -> tuple[str, bytes]:
    """The `number`-th way to break a message, and the message broken by it."""
    kind, spoil = BREAKS[number % len(BREAKS)]
    return kind, spoil(json.loads(payload), payload)
