"""The as-of join against two loops that are obviously right."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.stores.offline_join import ROW, Index, newest_rows, rows_as_of

EPOCH = datetime(2024, 5, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
HISTORY = {
    "user": pl.String,
    "product": pl.String,
    "number": pl.Int32,
    "at": TIME,
    "created": TIME,
    ROW: pl.Int64,
}
ASKED = {"user": pl.String, "product": pl.String, "number": pl.Int32, "event_timestamp": TIME}

users = st.sampled_from(["a", "b", None])
products = st.sampled_from(["x", "y"])
numbers = st.sampled_from([-2, 0, 7, 900, None])
minutes = st.integers(0, 12).map(lambda m: EPOCH + timedelta(minutes=m))
rows = st.lists(st.tuples(users, products, numbers, minutes, minutes), max_size=25)
questions = st.lists(st.tuples(users, products, numbers, minutes), max_size=15)


def table(drawn: list[tuple[Any, ...]], *keys: str) -> Index:
    frame = pl.DataFrame([(*row, i) for i, row in enumerate(drawn)], schema=HISTORY, orient="row")
    return Index(frame.select(*keys, "at", "created", ROW), keys, "at", "created")


def truth(history: Index, question: dict[str, Any], ttl: timedelta, *, created_by_then: bool) -> int:
    best: tuple[datetime, datetime, int] | None = None
    instant = question["event_timestamp"]
    for row in history.rows.iter_rows(named=True):
        same = all(row[key] == question[key] is not None for key in history.keys)
        known = row["at"] <= instant and (row["created"] <= instant or not created_by_then)
        if same and known:
            best = max(best or (row["at"], row["created"], -1), (row["at"], row["created"], row[ROW]))
    fresh = best is not None and (not ttl or best[0] + ttl >= instant)
    return best[2] if best and fresh else -1


@settings(max_examples=200)
@given(
    rows,
    questions,
    st.sampled_from([0, 1, 4]),
    st.booleans(),
    st.sampled_from([("user",), ("user", "product"), ("number",), ()]),
)
def test_the_join_equals_two_loops(
    drawn: list[Any], asked: list[Any], ttl_minutes: int, created_by_then: bool, keys: tuple[str, ...]
) -> None:
    """Ties, unknown and null keys of all kinds, repeated questions and every order of rows included."""
    index, ttl = table(drawn, *keys), timedelta(minutes=ttl_minutes)
    question = pl.DataFrame(asked, schema=ASKED, orient="row").select(*keys, "event_timestamp")
    found = rows_as_of(question, index, ttl=ttl, created_by_then=created_by_then)
    expected = [truth(index, q, ttl, created_by_then=created_by_then) for q in question.iter_rows(named=True)]
    assert found.tolist() == expected


@settings(max_examples=50)
@given(rows, st.sampled_from([("user",), ("user", "product"), ("number",), ()]))
def test_the_newest_row_of_a_key_is_what_the_join_finds_at_the_end(
    drawn: list[Any], keys: tuple[str, ...]
) -> None:
    """Materialize and history agree."""
    index = table(drawn, *keys)
    newest = newest_rows(index)
    end = index.rows[newest].with_columns(event_timestamp=pl.lit(EPOCH + timedelta(days=1)).cast(TIME))
    assert rows_as_of(end, index).tolist() == newest.tolist()
    entities = {row[:-1] for row in index.rows.select(*keys, ROW).iter_rows() if None not in row}
    assert len(newest) == len(entities)


@pytest.mark.parametrize(("minute", "row"), [(-1, -1), (0, 0), (5, 0), (6, -1)])
def test_a_row_counts_from_its_instant_until_it_is_older_than_the_ttl(minute: int, row: int) -> None:
    """Both ends are included."""
    index = table([("a", "x", 1, EPOCH, EPOCH)], "user")
    asked = pl.DataFrame({"user": ["a"], "event_timestamp": [EPOCH + timedelta(minutes=minute)]}).cast(
        {"event_timestamp": TIME}
    )
    assert rows_as_of(asked, index, ttl=timedelta(minutes=5)).tolist() == [row]
