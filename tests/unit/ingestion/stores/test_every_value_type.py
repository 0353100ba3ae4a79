"""Every value type that Feast has is read as Feast reads it."""

import pytest
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import feast_value_type_to_python_type, python_values_to_proto_values
from feast.value_type import ValueType
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.stores.redis_online import cells
from tests.unit.ingestion.stores.value_strategies import VALUES


def test_there_are_values_of_every_type() -> None:
    """A type that Feast gets is drawn here, too."""
    assert {value_type.name for value_type in ValueType} - set(VALUES) == {"UNKNOWN", "NULL"}


@pytest.mark.parametrize("name", VALUES)
@given(data=st.data())
@settings(max_examples=15)
def test_values_of_every_type_are_read_as_feast_reads_them(name: str, data: st.DataObject) -> None:
    """One by one and as a column, nulls among them, with their Python types."""
    drawn = data.draw(st.lists(st.none() | VALUES[name], max_size=20))
    value_type = ValueType[name]
    protos = [python_values_to_proto_values([value], value_type)[0] for value in drawn]
    expected = [feast_value_type_to_python_type(proto, value_type) for proto in protos]
    stored = [proto.SerializeToString() for proto in protos]
    for read in (cells.column(stored, value_type), list(map(cells.decoder(value_type), stored))):
        assert read == expected
        assert list(map(type, read)) == list(map(type, expected))
    assert [cells.proto(cell) for cell in stored] == [
        Value() if cell in cells.NULLS else proto for cell, proto in zip(stored, protos, strict=True)
    ]
