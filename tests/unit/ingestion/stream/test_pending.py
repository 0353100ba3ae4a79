import polars as pl

from ingestion.stream.pending import Pending


def rows(**values: int) -> pl.DataFrame:
    return pl.DataFrame({"user_id": list(values), "orders": list(values.values())})


def taken(pending: Pending, most: int) -> dict[str, int]:
    found = pending.take(most)
    return {} if found is None else dict(found.rows())


def test_rows_are_taken_in_portions_oldest_first() -> None:
    """Three rows in portions of two."""
    pending = Pending(["user_id"])
    pending.add(rows(a=1, b=1))
    pending.add(rows(c=1))
    assert [taken(pending, 2), len(pending), taken(pending, 2), taken(pending, 2)] == [
        {"a": 1, "b": 1},
        1,
        {"c": 1},
        {},
    ]


def test_a_row_that_is_pushed_now_drops_the_older_one_that_waits() -> None:
    """Both may have the same timestamp, and in Redis the later of equals wins."""
    pending = Pending(["user_id"])
    pending.add(rows(a=1, b=1))
    pending.supersede(rows(a=2))
    assert taken(pending, 9) == {"b": 1}


def test_the_next_boundary_replaces_the_one_before() -> None:
    """An entity waits once, with its newest row."""
    pending = Pending(["user_id"])
    pending.add(rows(a=1, b=1))
    pending.add(rows(a=0))
    assert taken(pending, 9) == {"b": 1, "a": 0}
