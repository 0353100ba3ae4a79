"""What a contract accepts, what it refuses and which words it finds for that."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.events.contract import Contract
from ingestion.events.refusal import KINDS
from ingestion.events.schema import TIMESTAMP, SchemaError

ID = {"type": "string", "minLength": 1, "maxLength": 8}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": ID,
        "at": {"type": "string", "format": "date-time"},
        "note": {"type": "string", "maxLength": 8},
        "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 100},
        "quantity": {"type": "integer", "minimum": 1},
        "gift": {"type": "boolean"},
        "state": {"type": "string", "enum": ["open", "paid"]},
        "due": {"type": "string", "format": "date-time"},
    },
    "required": ["id", "at", "amount", "quantity", "gift", "state"],
    "additionalProperties": False,
}
GOOD: dict[str, Any] = {
    "id": "a",
    "at": "2026-03-01T12:00:00.000001Z",
    "amount": 2,
    "quantity": 3,
    "gift": True,
    "state": "paid",
}
NOON_US = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()) * 1_000_000
LATEST_US = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def contract(schema: dict[str, Any] = SCHEMA, **options: Any) -> Contract:
    return Contract.from_json_schema("things", schema, "at", "id", **options)


def message(**changes: Any) -> bytes:
    return json.dumps(GOOD | changes).encode()


def instant(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def without(field: str) -> bytes:
    return json.dumps({key: value for key, value in GOOD.items() if key != field}).encode()


def test_valid_messages_become_rows_in_contract_order() -> None:
    """Columns and types are those of the schema; absent and null optional fields are null; a whole number is a number."""
    decoded = contract().decode(
        [message(), message(note=None, due="2026-03-02T01:00:00+01:00")], [NOON_US, NOON_US + 7]
    )
    assert decoded.frame.schema == contract().polars_schema()
    assert decoded.frame.columns == [*SCHEMA["properties"], "arrival_timestamp"]
    assert decoded.frame["amount"].to_list() == [2.0, 2.0]
    assert decoded.frame["note"].to_list() == [None, None]
    assert decoded.frame["due"].to_list() == [None, datetime(2026, 3, 2, tzinfo=UTC)]
    assert (decoded.positions, decoded.rejected) == ([0, 1], [])


def test_arrival_is_never_before_the_event() -> None:
    """The later of Kafka's time and the event time: broker clocks have milliseconds only, and differ."""
    frame = contract().decode([message(), message()], [NOON_US, NOON_US + 5]).frame
    assert frame["arrival_timestamp"].to_physical().to_list() == [NOON_US + 1, NOON_US + 5]


@pytest.mark.parametrize(
    ("broken", "kind", "words"),
    [
        (b"", "empty", "empty message"),
        (None, "empty", "empty message"),
        (b" \n", "empty", "empty message"),
        (message()[:-4], "malformed_json", "truncated"),
        (message(amount=float("nan")), "malformed_json", "invalid character"),
        (message(amount=float("inf")), "malformed_json", "invalid character"),
        (message(amount=7).replace(b": 7,", b": 1e999,"), "out_of_range", "amount: number out of range"),
        (message(amount=10**400), "out_of_range", "amount: number out of range"),
        (message(quantity=2**63), "out_of_range", f"quantity: expected `int` <= {2**63 - 1}"),
        (message().replace(b"paid", b"p\xffid"), "not_utf8", "byte 0xff at position"),
        (b"\xff\xfe\x00", "not_utf8", "byte 0xff at position 0"),
        (b"[1]", "not_an_object", "expected `object`, got `array`"),
        (b"[" * 100_000, "not_an_object", "expected `object`"),
        (without("amount"), "missing_field", "missing required field `amount`"),
        (message(id=None), "missing_field", "id: expected `str`, got `null`"),
        (message(colour="red"), "unknown_field", "unknown field `colour`"),
        (message(amount="5"), "wrong_type", "amount: expected `float`, got `str` '5'"),
        (message(quantity=2.0), "wrong_type", "quantity: expected `int`, got `float` 2.0"),
        (message(quantity=True), "wrong_type", "quantity: expected `int`, got `bool` True"),
        (message(amount=-5), "out_of_range", "amount: expected `float` > 0.0, got -5"),
        (message(amount=100.5), "out_of_range", "amount: expected `float` <= 100.0, got 100.5"),
        (message(id=""), "out_of_range", "id: expected `str` of length >= 1, got ''"),
        (message(id="x" * 500), "out_of_range", "(502 characters)"),
        (message(state="lost"), "out_of_range", "state: invalid enum value 'lost'"),
        (message(at="2026-03-01T12:00:00"), "timestamp_without_zone", "timezone"),
        (message(at="yesterday"), "bad_timestamp", "at: invalid RFC3339 encoded datetime, got 'yesterday'"),
        (message(at=NOON_US), "wrong_type", "at: expected `datetime`, got `int`"),
        (message(at="1999-12-31T23:59:59Z"), "too_old", "1999-12-31T23:59:59.000000Z is before 2000-01-01"),
        (
            message(at="2026-03-01T13:00:01Z"),
            "in_the_future",
            "is more than 1:00:00 after its arrival 2026-03-01T12",
        ),
    ],
)
def test_a_broken_message_is_refused_with_its_reason(broken: bytes | None, kind: str, words: str) -> None:
    """One refusal that names field and problem, and the messages beside it are read."""
    decoded = contract().decode([message(), broken, message(id="b")], [NOON_US] * 3)
    assert decoded.frame["id"].to_list() == ["a", "b"]
    assert decoded.positions == [0, 2]
    (refused,) = decoded.rejected
    assert (refused.position, refused.kind) == (1, kind)
    assert words in refused.reason


def test_a_message_longer_than_the_limit_is_not_read() -> None:
    """10 MB of anything cost nothing but their length."""
    decoded = contract(max_message_bytes=200).decode([b"x" * 10_000_000, message()], [NOON_US] * 2)
    assert [(r.kind, r.reason) for r in decoded.rejected] == [
        ("too_large", "10000000 bytes, at most 200 are read")
    ]
    assert decoded.positions == [1]


def test_an_hour_ahead_is_accepted_and_a_microsecond_more_is_not() -> None:
    """The limit itself is inside.

    ::

        arrival          +1 h
        |----------------|
                         ^ accepted
                          ^ refused
    """
    ahead = message(at="2026-03-01T13:00:00Z")
    decoded = contract().decode([ahead, ahead], [NOON_US, NOON_US - 1])
    assert (decoded.positions, [r.kind for r in decoded.rejected]) == ([0], ["in_the_future"])


def test_refusals_are_in_the_order_of_the_messages() -> None:
    """Also when some are refused for their form and others for their time."""
    batch = [message(at="1980-01-01T00:00:00Z"), b"", message(at="2030-01-01T00:00:00Z"), b"{}"]
    decoded = contract().decode(batch, [NOON_US] * 4)
    assert [r.position for r in decoded.rejected] == [0, 1, 2, 3]
    assert decoded.frame.schema == contract().polars_schema()


def test_an_empty_batch_is_an_empty_frame() -> None:
    """With all columns and their types."""
    assert contract().decode([], []).frame.schema == contract().polars_schema()


def test_every_message_needs_an_arrival() -> None:
    """A shorter list is a mistake of the caller."""
    with pytest.raises(ValueError, match="2 messages with 1 arrival times"):
        contract().decode([b"", b""], [0])


def test_unknown_fields_are_allowed_where_the_schema_allows_them() -> None:
    """Without additionalProperties the field is left out."""
    schema = {key: value for key, value in SCHEMA.items() if key != "additionalProperties"}
    decoded = contract(schema).decode([message(colour="red")], [NOON_US])
    assert decoded.frame.columns == [*SCHEMA["properties"], "arrival_timestamp"]


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(repr).map(str.encode)
)
def test_no_bytes_raise(junk: bytes) -> None:
    """Whatever arrives is a row or a refusal of a known kind."""
    decoded = contract().decode([junk], [NOON_US])
    assert decoded.frame.height + len(decoded.rejected) == 1
    assert all(refused.kind in KINDS for refused in decoded.rejected)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "id": st.text(min_size=1, max_size=8),
                "at": st.integers(946_684_800_000_000, LATEST_US).map(instant),
                "note": st.none() | st.text(max_size=8),
                "amount": st.floats(0, 100, exclude_min=True),
                "quantity": st.integers(1, 2**63 - 1),
                "gift": st.booleans(),
                "state": st.sampled_from(["open", "paid"]),
                "due": st.none(),
            }
        ),
        max_size=5,
    )
)
def test_what_is_encoded_decodes_to_the_same_rows(rows: list[dict[str, Any]]) -> None:
    """Strings of any letters, floats to the last bit, times to the microsecond."""
    columns = pl.Schema(
        {name: kind for name, kind in contract().polars_schema().items() if name != "arrival_timestamp"}
    )
    frame = pl.DataFrame(rows, schema=columns)
    decoded = contract().decode(contract().encode(frame), [LATEST_US] * len(rows))
    assert decoded.rejected == []
    assert decoded.frame.drop("arrival_timestamp").equals(frame)


HOSTILE = [
    b"", b" ", b"\xff", b"\xef\xbb\xbf", b"\x00", b"[", b"]", b",", b"null", b"1", b'"', b"{}", b'{"id":"a"', b"}",
    message() + b",", message() + b"," + message(), message() + message(), b"[" + message() + b"]",
    message()[:40], message()[40:], message(note="\xff"), message(at="1980-01-01T00:00:00Z"), message() + b" " * 300,
]  # fmt: skip


@given(
    st.lists(
        st.none()
        | st.sampled_from([message(), message(due="2026-03-02T01:00:00+01:00"), *HOSTILE])
        | st.lists(st.sampled_from(HOSTILE), max_size=3).map(b"".join)
        | st.binary(max_size=8),
        max_size=40,
    )
)
def test_a_batch_gives_what_its_messages_give_alone(batch: list[bytes | None]) -> None:
    """The same rows and refusals in the same order, whatever stands beside them."""
    reader = contract(max_message_bytes=300)
    together = reader.decode(batch, [NOON_US] * len(batch))
    alone = [reader.decode([broken], [NOON_US]) for broken in batch]
    assert together.frame.equals(pl.concat([reader.decode([], []).frame, *(one.frame for one in alone)]))
    assert together.positions == [i for i, one in enumerate(alone) if one.positions]
    assert [(r.position, r.reason, r.kind) for r in together.rejected] == [
        (i, r.reason, r.kind) for i, one in enumerate(alone) for r in one.rejected
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pattern": "x"}, r"field 'id' of 'things' uses \['pattern'\], which a contract cannot check"),
        ({"type": ["string", "null"]}, "has type"),
        ({"type": "object"}, "has type 'object'; supported are"),
        ({"format": "uuid", "minLength": 1}, "has format 'uuid'"),
        ({"enum": [1]}, "uses"),
        ({"minimum": 1}, r"uses \['minimum'\]"),
    ],
)
def test_a_schema_that_cannot_be_checked_is_an_error(change: dict[str, Any], words: str) -> None:
    """It names the field and the keyword."""
    properties = SCHEMA["properties"] | {"id": ID | change}
    with pytest.raises(SchemaError, match=words):
        contract(SCHEMA | {"properties": properties})


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"n": {"type": "integer", "minimum": 1, "exclusiveMinimum": 0}}, "inclusive and an exclusive bound"),
        ({"n": {"type": "integer", "enum": ["1"]}}, "all must be of type 'integer'"),
        ({"at": {"type": "string"}}, "needs 'at' as a required date-time"),
    ],
)
def test_contradictions_in_a_schema_are_errors(properties: dict[str, Any], words: str) -> None:
    """Said at the start, not at the first message."""
    with pytest.raises(SchemaError, match=words):
        contract(SCHEMA | {"properties": SCHEMA["properties"] | properties})


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (SCHEMA | {"oneOf": []}, r"uses \['oneOf'\]"),
        (SCHEMA | {"properties": {}}, "must describe an object with properties"),
        (SCHEMA | {"required": ["ghost"]}, "requires.*ghost"),
        (SCHEMA | {"required": ["at"]}, "needs 'id' as a required field"),
    ],
)
def test_a_schema_of_something_else_is_an_error(schema: dict[str, Any], words: str) -> None:
    """An object with the two fields that every event has is needed."""
    with pytest.raises(SchemaError, match=words):
        contract(schema)


def test_times_are_kept_to_the_microsecond() -> None:
    """No step through a float loses one; more digits are rounded."""
    texts = {
        "2026-03-01T11:59:59.999999Z": NOON_US - 1,
        "2026-03-01T14:00:00.1234567+02:00": NOON_US + 123_457,
    }
    decoded = contract().decode([message(at=text) for text in texts], [NOON_US] * 2)
    assert decoded.frame["at"].dtype == TIMESTAMP
    assert decoded.frame["at"].to_physical().to_list() == list(texts.values())
