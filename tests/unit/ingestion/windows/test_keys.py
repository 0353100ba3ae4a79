"""Entities get numbers by what they are, not by their hashes."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.windows import keys
from ingestion.windows.keys import NOBODY, Keys

TYPES = {"text": pl.String, "number": pl.UInt64, "flag": pl.Boolean}
texts = st.sampled_from(["a", "b", "a long text that lies elsewhere", "", None])
numbers = st.sampled_from([0, 7, 2**64 - 1, None])
rows = st.lists(st.tuples(texts, numbers, st.sampled_from([True, False, None])), max_size=12)
columns = st.sampled_from([(), ("text",), ("number",), ("text", "number"), ("text", "number", "flag")])


def frame(drawn: list[Any], names: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame(drawn, schema=TYPES, orient="row").select(names)


def check(asked: list[Any], others: list[Any], names: tuple[str, ...]) -> None:
    """The numbers are those that a dictionary gives."""
    question, other = frame(asked, names), frame(others, names)
    known: dict[tuple[Any, ...], int] = {}
    own = [known.setdefault(key, len(known)) for key in (question.rows() if names else [()] * len(asked))]
    ours = Keys(question, len(asked))
    assert ours.count == len(known)
    assert ours.asked.tolist() == own
    expected = [NOBODY if None in key else known.get(key, NOBODY) for key in other.rows()]
    expected = expected if names else [known.get((), NOBODY)] * len(others)
    assert ours.numbers(other, len(others)).tolist() == expected


@given(rows, rows, columns)
def test_equal_keys_have_equal_numbers(asked: list[Any], others: list[Any], names: tuple[str, ...]) -> None:
    """In order of appearance, of any types; nulls are an entity in a question and nobody elsewhere."""
    check(asked, others, names)


@pytest.mark.parametrize("bits", [0, 1])
def test_keys_with_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    """All of them, and some."""
    hashes = keys._hashes
    mask = np.uint64(2**bits - 1)
    monkeypatch.setattr(keys, "_hashes", lambda *arguments: hashes(*arguments) & mask)
    asked = [("a", 1, True), ("b", 1, True), ("a", 1, True), (None, 2, True)]
    check(asked, [("c", 1, True), ("b", 1, True), (None, 2, True)], ("text", "number"))
    check([("a", 1, True)], [("c", 1, True), ("d", 1, True), ("a", 1, True)], ("text",))
