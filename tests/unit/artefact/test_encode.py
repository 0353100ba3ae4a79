from typing import Any

import numpy as np
import polars as pl
import pytest

from artefact import ArtefactError, InputFeature, RowEncoder

INPUTS = (
    InputFeature(name="amount", dtype="Float64"),
    InputFeature(name="verified", dtype="Bool"),
    InputFeature(name="category", dtype="String", categories=("toys", "books")),
)
COLUMNS: dict[str, list[Any]] = {
    "amount": [1.5, None, 3],
    "verified": [True, False, None],
    "category": ["books", "unseen", None],
    "not_asked": [0, 0, 0],
}
EXPECTED = [[1.5, 1, 1], [np.nan, 0, -1], [3, np.nan, np.nan]]


def test_values_are_encoded_in_the_order_of_the_inputs() -> None:
    """Null is NaN, booleans are 0 and 1, strings their index, unseen strings -1; other columns are left."""
    rows = RowEncoder(INPUTS)(COLUMNS)
    assert rows.dtype == np.float32
    assert rows.flags.c_contiguous
    np.testing.assert_array_equal(rows, np.array(EXPECTED, dtype=np.float32))


def test_a_frame_is_encoded_as_its_lists_are() -> None:
    """Training passes series, serving lists: equal rows."""
    frame = pl.DataFrame(COLUMNS, strict=False)
    rows = RowEncoder(INPUTS)({name: frame[name] for name in frame.columns})
    np.testing.assert_array_equal(rows, np.array(EXPECTED, dtype=np.float32))


def test_no_rows_are_an_empty_matrix_of_the_right_width() -> None:
    """[0, F], so that a model can be called with it."""
    assert RowEncoder(INPUTS)({name: [] for name in COLUMNS}).shape == (0, 3)


def test_a_missing_column_is_named() -> None:
    """The error says which input is missing and which are there."""
    with pytest.raises(ArtefactError, match=r"'verified' is missing; there are \['amount'\]"):
        RowEncoder(INPUTS)({"amount": [1.0]})
