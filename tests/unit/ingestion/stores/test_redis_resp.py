"""Packed arguments are those the client library packs."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from redis.connection import PythonRespSerializer

from ingestion.stores.redis_online import resp
from ingestion.stores.redis_online.link import arguments
from ingestion.stores.redis_online.ragged import Slices

ROWS = st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=200)), min_size=1, max_size=10)


@given(rows=ROWS, start=st.integers(0, 9), count=st.integers(0, 9))
def test_arguments_by_columns_are_those_of_the_client(
    rows: list[tuple[bytes, bytes]], start: int, count: int
) -> None:
    """Each row has its arguments one behind the other; rows one behind the other are one command's arguments."""
    columns = [pa.array(list(column), pa.binary()) for column in zip(*rows, strict=True)]
    packed = resp.bulks(columns)
    pack = PythonRespSerializer(6000, lambda value: value).pack
    start, stop = min(start, len(rows)), min(start + count, len(rows))
    asked = [argument for row in rows[start:stop] for argument in row]
    head = resp.head(1 + len(asked)) + resp.bulk(b"HSET")
    assert head + bytes(Slices(packed)[start:stop]) == b"".join(pack(b"HSET", *asked))


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_a_packed_command_can_be_taken_apart(rest: list[bytes]) -> None:
    """A command that a cluster's node redirects is sent anew from its arguments."""
    packed = resp.head(1 + len(rest)) + b"".join(map(resp.bulk, [b"HMGET", *rest]))
    assert arguments(packed) == ("HMGET", *rest)
