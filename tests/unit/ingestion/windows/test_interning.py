from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.windows.image import ImageError
from ingestion.windows.interning import Interner

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TEXTS = st.text(max_size=20) | st.sampled_from(["", "a", "ab", "b", "é", "user-00000001", "user-00000002"])
VALUES: dict[pl.DataType, st.SearchStrategy[Any]] = {
    pl.String(): TEXTS,
    pl.Binary(): st.binary(max_size=20),
    pl.Int64(): st.integers(-(2**63), 2**63 - 1),
    pl.UInt64(): st.integers(0, 2**64 - 1),
    pl.Int8(): st.integers(-128, 127),
    pl.Boolean(): st.booleans(),
    pl.Float64(): st.floats(allow_nan=False),
    pl.Date(): st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    pl.Datetime("us", "UTC"): st.integers(-(2**52), 2**52).map(lambda us: EPOCH + timedelta(microseconds=us)),
    pl.Decimal(12, 2): st.decimals(-1000, 1000, places=2),
    pl.Enum(["red", "green"]): st.sampled_from(["red", "green"]),
}
Row = tuple[Any, ...]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[pl.DataType], list[tuple[list[Row], list[int]]]]:
    """Types of the columns and a list of (rows to intern, picks of what to remove then)."""
    dtypes = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=3))
    row = st.tuples(*(st.none() | VALUES[dtype] for dtype in dtypes))
    some = draw(st.lists(row, min_size=1, max_size=30))
    rows = st.lists(st.sampled_from(some), max_size=40)
    return dtypes, draw(st.lists(st.tuples(rows, st.lists(st.integers(0, 40), max_size=30)), max_size=6))


def columns(rows: list[Row], dtypes: list[pl.DataType]) -> list[pl.Series]:
    return [pl.Series([row[i] for row in rows], dtype=dtype) for i, dtype in enumerate(dtypes)]


def rows_of(interner: Interner, numbers: list[int]) -> list[Row]:
    return list(
        zip(*(c.to_list() for c in interner.columns_of(np.array(numbers, dtype=np.int64))), strict=True)
    )


@settings(max_examples=300)
@given(histories(), st.booleans())
def test_rows_have_the_numbers_of_a_dict(
    history: tuple[list[pl.DataType], list[tuple[list[Row], list[int]]]], restored: bool
) -> None:
    """Equal rows have one number, others another, whatever was removed between; an image changes nothing."""
    dtypes, steps = history
    interner = Interner(dtypes)
    known: dict[Row, int] = {}
    for rows, picks in steps:
        for row, number in zip(rows, interner.intern(columns(rows, dtypes)).tolist(), strict=True):
            if None in row:
                assert number == -1
            else:
                assert known.setdefault(row, number) == number
        assert len(set(known.values())) == len(known) == len(interner)
        assert sorted(known.values()) == interner.numbers().tolist()
        assert rows_of(interner, list(known.values())) == list(known)
        gone = [row for i, row in enumerate(known) if i in picks]
        interner.remove(np.array([known.pop(row) for row in gone], dtype=np.int64))
        if restored:
            interner = Interner.from_image(dtypes, {k: a.copy() for k, a in interner.image().items()})


def test_numbers_are_given_in_order_and_again_after_removal() -> None:
    """0, 1, 2 as they come; a number given back is the next to be given."""
    interner = Interner([pl.String()])
    assert interner.intern([pl.Series(["a", "b", "a", None, "c"])]).tolist() == [0, 1, 0, -1, 2]
    interner.remove(np.array([1]))
    assert interner.intern([pl.Series(["d", "b"])]).tolist() == [1, 3]
    assert (len(interner), interner.capacity) == (4, 4)


def test_minus_zero_is_zero_and_every_nan_is_the_same() -> None:
    """Floats are the same when they compare so; NaN has one number, too."""
    odd_nan = np.array([0x7FF8000000000001], dtype=np.uint64).view(np.float64)[0]
    assert Interner([pl.Float64()]).intern([pl.Series([0.0, -0.0, float("nan"), odd_nan])]).tolist() == [
        0,
        0,
        1,
        1,
    ]


def test_columns_are_kept_apart() -> None:
    """("a", "bc") is not ("ab", "c"), and (1, 2) is not (2, 1)."""
    assert Interner([pl.String(), pl.String()]).intern(
        [pl.Series(["a", "ab"]), pl.Series(["bc", "c"])]
    ).tolist() == [0, 1]
    assert Interner([pl.Int64(), pl.Int32()]).intern([pl.Series([1, 2]), pl.Series([2, 1])]).tolist() == [
        0,
        1,
    ]


def test_minus_one_stands_for_nulls() -> None:
    """What intern gives for a null is a null again."""
    interner = Interner([pl.String(), pl.Date()])
    interner.intern([pl.Series(["a"]), pl.Series([date(2026, 1, 1)])])
    assert rows_of(interner, [-1, 0]) == [(None, None), ("a", date(2026, 1, 1))]
    assert rows_of(Interner([pl.String()]), [-1]) == [(None,)]


def test_many_rows_come_and_go_without_more_memory() -> None:
    """The arena is compacted and numbers are used again: a hundred generations need little more than two."""
    interner = Interner([pl.String()])
    sizes = []
    for generation in range(100):
        numbers = interner.intern([pl.Series([f"user-{generation}-{i}" for i in range(2_000)])])
        assert len(set(numbers.tolist())) == 2_000
        sizes.append(interner.nbytes)
        interner.remove(numbers)
    assert sizes[-1] < 1.5 * sizes[1]
    assert len(interner) == 0


def test_a_larger_set_is_found_again() -> None:
    """Growth of table, arrays and arena loses nothing."""
    names = [f"user-{i * 7919 % 100_003}" for i in range(100_000)]
    interner = Interner([pl.String()])
    assert interner.intern([pl.Series(names)]).tolist() == list(range(100_000))
    assert interner.intern([pl.Series(names[::-1])]).tolist() == list(range(100_000))[::-1]
    assert interner.columns_of(np.arange(100_000))[0].to_list() == names


@pytest.mark.parametrize("change", ["types", "spans", "link", "state"])
def test_an_image_that_does_not_fit_is_refused(change: str) -> None:
    """Other types, a missing array, offsets outside: ImageError, no crash."""
    interner = Interner([pl.String()])
    interner.intern([pl.Series(["a", "b"])])
    image = {name: array.copy() for name, array in interner.image().items()}
    with pytest.raises(ImageError):
        Interner.from_image([pl.String()], {k: v for k, v in image.items() if k != change})
    image[change] = image[change] + np.asarray(200, dtype=image[change].dtype)
    with pytest.raises(ImageError):
        Interner.from_image([pl.String()], image)


def test_interners_of_one_image_are_independent() -> None:
    """Neither sees what the other, or the one that had the image, is given later."""
    first = Interner([pl.String()])
    first.intern([pl.Series(["a"])])
    second, third = (Interner.from_image([pl.String()], first.image()) for _ in range(2))
    for interner, name in ((first, "b"), (second, "c"), (third, "d")):
        assert interner.intern([pl.Series([name, "a"])]).tolist() == [1, 0]
    assert [i.columns_of(np.array([1]))[0].item() for i in (first, second, third)] == ["b", "c", "d"]


def test_nested_keys_are_refused() -> None:
    """A list is no key."""
    with pytest.raises(TypeError, match="List"):
        Interner([pl.List(pl.Int64())])
