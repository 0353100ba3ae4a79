import json
from datetime import UTC, datetime
from typing import Any

import pytest

from serving.errors import BadRequestError, InvalidRequestError
from serving.requests import EXAMPLE, parse_prediction

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _body(**changes: Any) -> bytes:
    return json.dumps(EXAMPLE | changes).encode()


def test_the_example_is_read() -> None:
    """Without device and time, the device is one never seen and the time is now."""
    assert parse_prediction(_body(), NOW).entity_row(NOW) == {
        "user_id": "user_0123",
        "product_id": "prod_456",
        "device_id": "unknown",
        "transaction_amount": 299.99,
        "request_seconds": int(NOW.timestamp()),
        "request_device_id": "unknown",
    }


def test_device_and_time_of_the_context_are_used() -> None:
    """The zone is applied; what else the context holds is allowed."""
    context = {"device_id": "dev_1", "time": "2026-03-01T13:30:00+02:00", "campaign": {"id": 3}}
    row = parse_prediction(_body(context=context), NOW).entity_row(NOW)
    assert row["request_seconds"] == int(datetime(2026, 3, 1, 11, 30, tzinfo=UTC).timestamp())
    assert row["device_id"] == row["request_device_id"] == "dev_1"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b"  \n", "the body is empty"),
        (b'{"user_id": "u"', "not JSON: EOF"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[" * 10_000, "recursion limit"),
        (b'{"user_id": "\\ud800"}', "not JSON"),
    ],
)
def test_a_body_that_is_not_json_is_a_bad_request(body: bytes, reason: str) -> None:
    """400, with the parser's reason."""
    with pytest.raises(BadRequestError, match=reason):
        parse_prediction(body, NOW)


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        (b"[1]", "body", "[1]"),
        (b"{}", "user_id", None),
        (_body(user_id=7), "user_id", 7),
        (_body(user_id=""), "user_id", ""),
        (_body(user_id="u" * 200), "user_id", "u" * 100 + "…"),
        (_body(product_id=None), "product_id", None),
        (_body(transaction_amount=-1.5), "transaction_amount", "-1.5"),
        (_body(transaction_amount=0), "transaction_amount", 0),
        (_body(transaction_amount=1e7), "transaction_amount", "10000000.0"),
        (_body(transaction_amount="12"), "transaction_amount", "12"),
        (_body(transaction_amount=True), "transaction_amount", True),
        (_body(transaction_amount=float("nan")), "transaction_amount", "nan"),
        (_body().replace(b"299.99", b"1e999"), "transaction_amount", "inf"),
        (_body(context=[]), "context", "[]"),
        (_body(context={"device_id": ""}), "context.device_id", ""),
        (_body(context={"time": "2026-03-01T12:00:00"}), "context.time", "2026-03-01T12:00:00"),
        (_body(context={"time": "yesterday"}), "context.time", "yesterday"),
        (_body(context={"time": 1_700_000_000}), "context.time", 1_700_000_000),
        (_body(context={"time": "1999-12-31T23:59:59Z"}), "context.time", "1999-12-31T23:59:59+00:00"),
        (_body(context={"time": "2026-03-01T13:00:01Z"}), "context.time", "2026-03-01T13:00:01+00:00"),
        (_body(surprise=1), "surprise", 1),
    ],
)
def test_a_wrong_field_is_named_with_its_value(body: bytes, field: str, value: Any) -> None:
    """422; the field's path, what was given and what is wrong with it."""
    with pytest.raises(InvalidRequestError) as refused:
        parse_prediction(body, NOW)
    told = {error.field: error for error in refused.value.fields}
    assert told[field].value == value
    assert told[field].message
    assert field in refused.value.detail


def test_all_wrong_fields_are_named_at_once() -> None:
    """A client corrects its request in one go."""
    with pytest.raises(InvalidRequestError) as refused:
        parse_prediction(b"{}", NOW)
    assert [error.field for error in refused.value.fields] == ["user_id", "product_id", "transaction_amount"]
