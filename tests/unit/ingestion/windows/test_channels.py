from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.windows.channels import Dictionary

texts = st.lists(st.none() | st.sampled_from(["", "a", "b", "é", "red"]) | st.text(max_size=3), max_size=30)


def codes_of(dictionary: Dictionary, values: list[Any]) -> list[float | None]:
    codes = dictionary.encode(pl.Series(values, dtype=pl.String))
    return [None if np.isnan(code) else code for code in codes.tolist()]


@settings(max_examples=200)
@given(st.lists(st.tuples(texts, st.sets(st.integers(0, 10))), max_size=5))
def test_codes_are_those_of_a_dict(steps: list[tuple[list[str | None], set[int]]]) -> None:
    """Equal values have one code and null has none; what is in use keeps its code when the rest is forgotten."""
    dictionary = Dictionary(pl.String())
    known: dict[str, float] = {}
    for values, picks in steps:
        for value, code in zip(values, codes_of(dictionary, values), strict=True):
            assert (code is None) if value is None else (known.setdefault(value, code or 0.0) == code)
        assert len(set(known.values())) == len(known) == len(dictionary)
        assert dictionary.decode(np.array([np.nan, *known.values()])).to_list() == [None, *known]
        known = {value: code for i, (value, code) in enumerate(known.items()) if i in picks}
        dictionary.forget(np.array([np.nan, *known.values()]))
        assert len(dictionary) == len(known)
        dictionary = Dictionary.from_image(pl.String(), dictionary.image())


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (pl.Int64(), [3, None, 3, -1]),
        (pl.Boolean(), [True, None, True, False]),
        (pl.Date(), [date(2026, 1, 2), None, date(2026, 1, 2), date(1969, 12, 31)]),
        (pl.Decimal(10, 2), [Decimal("1.50"), None, Decimal("1.50"), Decimal("0.00")]),
        (pl.Categorical(), ["a", None, "a", "b"]),
    ],
)
def test_values_of_every_type_come_back(dtype: pl.DataType, values: list[Any]) -> None:
    """Numbers, times, decimals and categories have codes, too."""
    dictionary = Dictionary(dtype)
    column = pl.Series(values, dtype=dtype)
    codes = dictionary.encode(column)
    assert codes[0] == codes[2] == 0
    assert np.isnan(codes[1])
    assert codes[3] == 1
    assert dictionary.decode(codes).to_list() == column.to_list()
    assert dictionary.decode(codes).dtype == dtype


def test_a_column_without_any_value_has_only_nulls() -> None:
    """A file in which a column never had a value does not say its type."""
    dictionary = Dictionary(pl.Null())
    assert np.isnan(dictionary.encode(pl.Series([None, None]))).all()
    assert dictionary.decode(np.array([np.nan])).to_list() == [None]
