"""Value, timestamp and key bytes made by columns are those that Feast makes row by row."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from feast.infra.key_encoding_utils import serialize_entity_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values
from feast.value_type import ValueType
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.stores.redis_online import cells, keys, timestamps, values

INT64 = st.integers(-(2**63) + 1, 2**63 - 1)
INT32 = st.integers(-(2**31), 2**31 - 1)
SECONDS = st.integers(-60_000_000_000, 200_000_000_000)

COLUMNS = {
    "DOUBLE": (st.floats(allow_nan=False), pa.float64()),
    "FLOAT": (st.floats(allow_nan=False, width=32), pa.float32()),
    "INT32": (INT32, pa.int32()),
    "INT64": (INT64, pa.int64()),
    "BOOL": (st.booleans(), pa.bool_()),
    "STRING": (st.text(max_size=300), pa.string()),
    "BYTES": (st.binary(max_size=300), pa.binary()),
}


@pytest.mark.parametrize("value_type", COLUMNS)
@given(data=st.data())
@settings(max_examples=100)
def test_encoded_values_are_those_of_feast(value_type: str, data: st.DataObject) -> None:
    """The bytes of every row equal Feast's serialised Value; null is no bytes."""
    drawn, arrow_type = COLUMNS[value_type]
    rows = data.draw(st.lists(st.none() | drawn, min_size=1, max_size=20))
    field = f"{value_type.lower()}_val"
    expected = [b"" if row is None else Value(**{field: row}).SerializeToString() for row in rows]
    assert values.encode(pa.array(rows, arrow_type), value_type).to_pylist() == expected


@pytest.mark.parametrize("value_type", COLUMNS)
@given(data=st.data())
@settings(max_examples=100)
def test_decoded_values_are_those_of_feast(value_type: str, data: st.DataObject) -> None:
    """What Feast serialised is read as the Python value that Feast reads."""
    drawn, _ = COLUMNS[value_type]
    value = Value(**{f"{value_type.lower()}_val": data.draw(drawn)})
    stored = value.SerializeToString()
    assert values.DECODED[stored[0]](stored) == feast_value_type_to_python_type(value)


@pytest.mark.parametrize("value_type", COLUMNS)
@given(data=st.data())
@settings(max_examples=100)
def test_a_column_is_decoded_as_its_cells_are(value_type: str, data: st.DataObject) -> None:
    """Nulls of every kind and a value of another type among them, too; as Feast reads them."""
    drawn, _ = COLUMNS[value_type]
    field = f"{value_type.lower()}_val"
    stored = [
        Value(**{field: value}).SerializeToString() for value in data.draw(st.lists(drawn, max_size=40))
    ]
    others = data.draw(st.lists(st.sampled_from([None, b"", *cells.NULLS, b"\x20\x07", b"\x12\x01x"])))
    column = data.draw(st.permutations(stored + others))
    expected = [
        None if cell in cells.NULLS else feast_value_type_to_python_type(Value.FromString(cell))
        for cell in column
    ]
    assert cells.column(column, ValueType[value_type]) == expected


def test_nan_is_null() -> None:
    """NaN is written as Feast's push writes it: as null."""
    rows = [1.5, float("nan"), None]
    fed = python_values_to_proto_values(np.array([1.5, np.nan, np.nan]), ValueType.DOUBLE)
    expected = [value.SerializeToString() for value in fed]
    assert values.encode(pa.array(rows, pa.float64()), "DOUBLE").to_pylist() == expected
    assert values.encode(pa.array([2.0, float("nan"), None]), "INT64").to_pylist() == [b"\x20\x02", b"", b""]


@given(st.lists(SECONDS, min_size=1, max_size=20))
def test_timestamp_features_are_whole_seconds(seconds: list[int]) -> None:
    """A timestamp feature of any unit is stored in Unix seconds."""
    column = pa.array([s * 1_000_000 + 999_999 for s in seconds], pa.int64()).cast(pa.timestamp("us", "UTC"))
    expected = [Value(unix_timestamp_val=s).SerializeToString() for s in seconds]
    assert values.encode(column, "UNIX_TIMESTAMP").to_pylist() == expected


def test_a_null_timestamp_feature_is_read_as_null() -> None:
    """A missing time is stored as stock Feast stores it, and both read it as None."""
    column = pa.array([None, datetime(2026, 1, 2, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    fed = python_values_to_proto_values(column.to_numpy(zero_copy_only=False), ValueType.UNIX_TIMESTAMP)
    stored = values.encode(column, "UNIX_TIMESTAMP").to_pylist()
    assert stored == [value.SerializeToString() for value in fed]
    assert values.DECODED[stored[0][0]](stored[0]) is None


def test_a_value_that_does_not_fit_is_refused() -> None:
    """Half an integer is an error, not a cut-off number."""
    with pytest.raises(pa.ArrowInvalid, match=r"1\.5|truncated"):
        values.encode(pa.array([1.5]), "INT64")


@given(st.lists(st.tuples(SECONDS, st.integers(0, 999_999_999)), min_size=1, max_size=20))
def test_event_timestamps_are_protobuf_timestamps(drawn: list[tuple[int, int]]) -> None:
    """Seconds and nanoseconds are those of a google.protobuf.Timestamp, before 1970 and at zero too."""
    seconds, nanos = (np.array(part, np.int64) for part in zip(*drawn, strict=True))
    encoded = timestamps.Instants(seconds, nanos).encoded().to_pylist()
    assert encoded == [Timestamp(seconds=s, nanos=n).SerializeToString() for s, n in drawn]
    assert [timestamps.decode(stored) for stored in encoded] == drawn
    read = timestamps.decode_all(encoded)
    assert list(zip(read.seconds.tolist(), read.nanos.tolist(), strict=True)) == drawn


@pytest.mark.parametrize(
    ("unit", "ticks", "expected"), [("s", -1, (-1, 0)), ("us", -1, (-1, 999_999_000)), ("ns", 1, (0, 1))]
)
def test_event_timestamps_of_every_unit(unit: str, ticks: int, expected: tuple[int, int]) -> None:
    """Nanoseconds count forward from the second below."""
    at = timestamps.instants(pa.array([ticks], pa.int64()).cast(pa.timestamp(unit)))
    assert (at.seconds[0], at.nanos[0]) == expected


def test_a_row_without_event_timestamp_is_refused() -> None:
    """A row that has no place in time cannot be compared with the stored one."""
    with pytest.raises(ValueError, match="1 of 2 rows have no event timestamp"):
        timestamps.instants(pa.array([None, 0], pa.timestamp("us", "UTC")))


KEY_VALUES = {
    "STRING": (st.text(max_size=40), pa.string()),
    "BYTES": (st.binary(max_size=40), pa.binary()),
    "INT32": (INT32, pa.int32()),
    "INT64": (INT64, pa.int64()),
    "UNIX_TIMESTAMP": (SECONDS, pa.int64()),
}


@given(data=st.data(), project=st.sampled_from(["shop", "größe"]))
@settings(max_examples=200)
def test_keys_are_those_of_feast(data: st.DataObject, project: str) -> None:
    """Keys of one to three join keys, given in any order, equal Feast's entity key, version 3, and the project."""
    types = data.draw(
        st.dictionaries(
            st.text(min_size=1, max_size=9), st.sampled_from(sorted(KEY_VALUES)), min_size=1, max_size=3
        )
    )
    row = {name: data.draw(KEY_VALUES[kind][0]) for name, kind in types.items()}
    proto = EntityKey(
        join_keys=list(types), entity_values=[Value(**{f"{types[n].lower()}_val": v}) for n, v in row.items()]
    )
    expected = serialize_entity_key(proto, entity_key_serialization_version=3) + project.encode()
    columns = {name: (pa.array([row[name]] * 2, KEY_VALUES[kind][1]), kind) for name, kind in types.items()}
    assert keys.columns(columns, project).to_pylist() == [expected] * 2
    parts = [keys.part(row[name], types[name]) for name in sorted(types)]
    assert keys.prefix(types) + b"".join(parts) + project.encode() == expected


def test_a_null_join_key_is_refused() -> None:
    """The error names the join key and the row."""
    with pytest.raises(ValueError, match="'user_id' is null in row 1"):
        keys.columns({"user_id": (pa.array(["a", None]), "STRING")}, "shop")


def test_a_join_key_that_does_not_fit_is_refused() -> None:
    """A number beyond 32 bits is not wrapped around into another entity's key."""
    with pytest.raises(ValueError, match="INT32 does not hold 4294967297"):
        keys.columns({"id": (pa.array([2**32 + 1]), "INT32")}, "shop")


def test_a_float_is_no_join_key() -> None:
    """Feast knows no key of that type; the error names those it knows."""
    with pytest.raises(ValueError, match="'id' is DOUBLE; a key is one of BYTES, STRING"):
        keys.columns({"id": (pa.array([1.0]), "DOUBLE")}, "shop")
