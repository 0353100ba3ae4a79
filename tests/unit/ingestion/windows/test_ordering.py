"""Rows are in the order that a sort of tuples gives."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.windows import ordering
from ingestion.windows.ordering import in_order, share_groups, share_rows, sorted_groups

GROUPS = 4
small = st.integers(-2, 5)
rows = st.lists(st.tuples(st.integers(-1, GROUPS - 1), small, small, small, small), max_size=80)


def columns(drawn: list[Any]) -> list[Any]:
    return list(np.array(drawn, dtype=np.int64).reshape(-1, 5).T.copy())


@settings(max_examples=200)
@given(rows, st.integers(1, 4))
def test_groups_are_sorted_by_their_columns_and_equal_rows_stay(drawn: list[Any], width: int) -> None:
    """Rows of no group are left out; the first column comes back sorted."""
    groups, *others = columns(drawn)
    order, values, bounds = in_order(groups, GROUPS, *others[:width])
    expected = sorted((i for i, row in enumerate(drawn) if row[0] >= 0), key=lambda i: drawn[i][: 1 + width])
    assert order.tolist() == expected
    assert values.tolist() == [drawn[i][1] for i in expected]
    assert np.diff(bounds).tolist() == [sum(row[0] == group for row in drawn) for group in range(GROUPS)]


@given(rows)
def test_sorted_groups_are_sorted_by_one_more_column(drawn: list[Any]) -> None:
    """What is equal in it stays in the order that was given."""
    groups, a, b, *_ = columns(drawn)
    order, _, bounds = in_order(groups, GROUPS, a)
    again = sorted_groups(np.arange(len(order)), bounds, b[order])
    of_group = np.repeat(np.arange(GROUPS), np.diff(bounds))
    assert again.tolist() == sorted(range(len(order)), key=lambda i: (of_group[i], b[order][i]))


@pytest.mark.parametrize("length", [11, 12, 13, 1000, 100_000])
def test_long_groups_are_sorted(length: int) -> None:
    """Random, reversed, and of two runs."""
    rng = np.random.default_rng(1)
    halves = np.concatenate([np.arange(0, length, 2), np.arange(1, length, 2)])
    for values in (rng.permutation(length), np.arange(length)[::-1].copy(), halves):
        order, found, _ = in_order(np.zeros(length, dtype=np.int64), 1, values)
        assert (found == np.arange(length)).all()
        assert (values[order] == found).all()


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_shares_cover_everything_once(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many cores there are, whatever the sizes of the groups."""
    monkeypatch.setattr(ordering, "_cores", lambda: cores)
    sizes = np.array([0, 0, 10, 250_000, 250_000, 250_001, 400_000])

    def covered(share: Callable[..., None], what: Any, count: int) -> None:
        seen = np.zeros(count, dtype=np.int64)

        def work(first: int, last: int, marks: Any) -> None:
            marks[first:last] += 1

        share(work, what, seen)
        assert (seen == 1).all()

    covered(share_groups, sizes, len(sizes) - 1)
    covered(share_rows, 170_001, 170_001)
