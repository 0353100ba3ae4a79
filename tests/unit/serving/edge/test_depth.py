import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.edge.depth import BoundedDepth, check_depth, depth
from serving.errors import BadRequestError

values = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


def levels(value: Any) -> int:
    """The obvious way."""
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


@given(values, st.booleans())
def test_depth_is_that_of_the_value(value: Any, ascii_only: bool) -> None:
    """Brackets, quotes and backslashes within texts do not count."""
    assert depth(json.dumps(value, ensure_ascii=ascii_only).encode()) == levels(value)


def test_a_text_full_of_brackets_is_not_deep() -> None:
    """Nor is one that never ends, which no parser takes anyway."""
    check_depth(b'{"a": "' + b"[" * 1000 + b'"}', 2)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 10_000, b'["\\"", [[[1]]]]'])
def test_a_body_that_is_deeper_is_refused(body: bytes) -> None:
    """With the bound."""
    with pytest.raises(BadRequestError, match="nested deeper than 3 levels"):
        check_depth(body, 3)


@given(st.binary(max_size=200))
def test_any_bytes_have_a_depth(body: bytes) -> None:
    """At most the brackets they have."""
    assert 0 <= depth(body) <= body.count(b"[") + body.count(b"{")


def test_a_body_in_pieces_is_looked_at_as_a_whole() -> None:
    """Before its last piece is handed over."""
    pieces = [
        {"type": "http.request", "body": b"[[", "more_body": True},
        {"type": "http.request", "body": b"[["},
    ]
    taken: list[Any] = []

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        while True:
            taken.append(await receive())

    async def receive() -> Any:
        return pieces[len(taken)]

    with pytest.raises(BadRequestError):
        asyncio.run(BoundedDepth(app, 3)({"type": "http"}, receive, receive))
    assert taken == pieces[:1]
