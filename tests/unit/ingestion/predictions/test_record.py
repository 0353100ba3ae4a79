"""Messages of the prediction log, read."""

from contextlib import suppress
from datetime import UTC

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.predictions.frame import rows_of
from ingestion.predictions.record import MALFORMED, UNKNOWN_VERSION, Record, UnreadableError, read
from serving.journal.wire import encode
from tests.predictions_made import TIME_US, served


def test_what_the_api_writes_is_read() -> None:
    """Every field, by name."""
    record, made = read(encode(served())), served()
    assert (record.request_id, record.time_us, record.row, record.rung) == ("r1", TIME_US, made.row, "live")
    assert (record.features, record.risk_level, record.latency_ms) == (made.features, "LOW", 1.25)
    assert record.views["user_orders"].age_seconds == 1.5
    assert record.scores["fraud"].inputs == [0.25, None, -1.0]


def test_fields_of_later_programs_are_passed_over() -> None:
    """They change no meaning, so the version stays."""
    version, record = msgspec.msgpack.decode(encode(served()))
    assert read(msgspec.msgpack.encode((version, record | {"new": 1}))) == read(encode(served()))


def test_another_version_is_refused_whatever_it_holds() -> None:
    """Update the program, then replay the letters."""
    for record in (msgspec.msgpack.decode(encode(served()))[1], {"other": 1}):
        with pytest.raises(UnreadableError, match="schema version 2") as refused:
            read(msgspec.msgpack.encode((2, record)))
        assert refused.value.kind == UNKNOWN_VERSION


@pytest.mark.parametrize("time_us", [-1, 0, 10**18])
def test_a_time_outside_this_century_is_refused(time_us: int) -> None:
    """It would make a folder of its own for ever."""
    with pytest.raises(UnreadableError) as refused:
        read(encode(served(time_us=time_us)))
    assert refused.value.kind == MALFORMED


@given(st.none() | st.binary(max_size=60))
def test_any_bytes_are_a_record_or_refused(message: bytes | None) -> None:
    """Nothing stops the reader."""
    with pytest.raises(UnreadableError):
        read(message)


@given(st.data())
def test_a_record_with_a_changed_byte_is_a_row_or_refused(data: st.DataObject) -> None:
    """Nothing that is read stops the archive later."""
    message = bytearray(encode(served()))
    message[data.draw(st.integers(0, len(message) - 1))] = data.draw(st.integers(0, 255))
    with suppress(UnreadableError):
        assert rows_of([read(bytes(message))]).height == 1


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.datetimes(timezones=st.just(UTC))
    | st.builds(msgspec.msgpack.Ext, st.integers(-100, 100), st.binary(max_size=3)),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(Record.__struct_fields__), _anything)
def test_a_record_with_any_value_in_a_field_is_a_row_or_refused(field: str, value: object) -> None:
    """Whatever somebody writes to the topic."""
    version, record = msgspec.msgpack.decode(encode(served()))
    for odd in (value, {"odd": value}):
        try:
            message = msgspec.msgpack.encode((version, record | {field: odd}))
        except OverflowError:
            continue
        with suppress(UnreadableError):
            assert rows_of([read(message)]).height == 1


@given(st.sampled_from(["views", "scores"]), st.integers(0, 4), _anything)
def test_a_record_with_any_value_in_a_part_is_a_row_or_refused(part: str, number: int, value: object) -> None:
    """Of what a view gave or a model said."""
    version, record = msgspec.msgpack.decode(encode(served()))
    inside = next(iter(record[part].values()))
    inside[list(inside)[number % len(inside)]] = value
    with suppress(UnreadableError, OverflowError):
        assert rows_of([read(msgspec.msgpack.encode((version, record)))]).height == 1
