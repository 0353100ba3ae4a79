"""Packed commands are those the client library packs."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import PythonRespSerializer

from ingestion.stores.redis_online import resp
from ingestion.stores.redis_online.link import arguments

ROWS = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=200)), min_size=1, max_size=10)


@given(rows=ROWS, constant=st.binary(max_size=20))
def test_commands_by_columns_are_those_of_the_client(
    rows: list[tuple[bytes, bytes]], constant: bytes
) -> None:
    """Each row is one command; an argument given once is in all of them."""
    firsts, seconds = (pa.array(list(column), pa.binary()) for column in zip(*rows, strict=True))
    packed = resp.commands([b"HSET", firsts, constant, seconds, b"end"]).to_pylist()
    pack = PythonRespSerializer(6000, lambda value: value).pack
    assert packed == [b"".join(pack(b"HSET", a, constant, b, b"end")) for a, b in rows]


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_a_packed_command_can_be_taken_apart(rest: list[bytes]) -> None:
    """A command that a cluster's node redirects is sent anew from its arguments."""
    packed = resp.head(1 + len(rest)) + b"".join(map(resp.bulk, [b"HMGET", *rest]))
    assert arguments(packed) == ("HMGET", *rest)
