"""The as-of join against two loops that are obviously right."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.stores.offline_join import History, join_as_of, latest_per_key

EPOCH = datetime(2024, 5, 1, tzinfo=UTC)
TIME = pl.Datetime("us", "UTC")
HISTORY = {"user": pl.String, "product": pl.String, "at": TIME, "created": TIME, "value": pl.Int64}
ASKED = {"user": pl.String, "product": pl.String, "event_timestamp": TIME}

users = st.sampled_from(["a", "b", None])
products = st.sampled_from(["x", "y"])
minutes = st.integers(0, 12).map(lambda m: EPOCH + timedelta(minutes=m))
rows = st.lists(st.tuples(users, products, minutes, minutes), max_size=25)
questions = st.lists(st.tuples(users, products, minutes), max_size=15)


def history(drawn: list[tuple[Any, ...]], *keys: str) -> History:
    frame = pl.DataFrame([(*row, i) for i, row in enumerate(drawn)], schema=HISTORY, orient="row")
    return History(frame.select(*keys, "at", "created", "value"), keys, "at", "created")


def truth(history: History, question: dict[str, Any], ttl: timedelta, *, created_by_then: bool) -> int | None:
    best: tuple[datetime, datetime, int] | None = None
    instant = question["event_timestamp"]
    for row in history.rows.iter_rows(named=True):
        same = all(row[key] == question[key] is not None for key in history.keys)
        known = row["at"] <= instant and (row["created"] <= instant or not created_by_then)
        if same and known:
            best = max(best or (row["at"], row["created"], -1), (row["at"], row["created"], row["value"]))
    fresh = best is not None and (not ttl or best[0] + ttl >= instant)
    return best[2] if best and fresh else None


@settings(max_examples=200, deadline=None)
@given(
    rows,
    questions,
    st.sampled_from([0, 1, 4]),
    st.booleans(),
    st.sampled_from([("user",), ("user", "product"), ()]),
)
def test_the_join_equals_two_loops(
    drawn: list[Any], asked: list[Any], ttl_minutes: int, created_by_then: bool, keys: tuple[str, ...]
) -> None:
    """Ties, unknown and null keys, repeated questions and every order of rows included."""
    table, ttl = history(drawn, *keys), timedelta(minutes=ttl_minutes)
    question = pl.DataFrame(asked, schema=ASKED, orient="row").select(*keys, "event_timestamp")
    found = join_as_of(question, table, ttl=ttl, created_by_then=created_by_then)
    expected = [truth(table, q, ttl, created_by_then=created_by_then) for q in question.iter_rows(named=True)]
    assert found["value"].to_list() == expected


@settings(max_examples=50, deadline=None)
@given(rows)
def test_the_latest_row_of_a_key_is_what_the_join_finds_at_the_end(drawn: list[Any]) -> None:
    """Materialize and history agree."""
    table = history(drawn, "user")
    latest = latest_per_key(table)
    end = latest.select("user", pl.lit(EPOCH + timedelta(days=1)).cast(TIME).alias("event_timestamp"))
    assert join_as_of(end, table)["value"].to_list() == latest["value"].to_list()


@pytest.mark.parametrize(("minute", "value"), [(-1, None), (0, 0), (5, 0), (6, None)])
def test_a_row_counts_from_its_instant_until_it_is_older_than_the_ttl(minute: int, value: int | None) -> None:
    """Both ends are included."""
    table = history([("a", "x", EPOCH, EPOCH)], "user")
    row = [("a", "x", EPOCH + timedelta(minutes=minute))]
    asked = pl.DataFrame(row, schema=ASKED, orient="row")
    assert join_as_of(asked, table, ttl=timedelta(minutes=5))["value"].to_list() == [value]
