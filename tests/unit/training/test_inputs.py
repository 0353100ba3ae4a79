import numpy as np
import polars as pl

from artefact import InputFeature
from training.inputs import choose_inputs, matrix, statistics

ROWS = pl.DataFrame(
    {
        "amount": [1.5, None, 16_777_217.0, 4.0],
        "verified": [True, False, None, True],
        "country": ["GR", "DE", None, "GR"],
        "device": ["d1", "d2", "d3", "d4"],
        "empty": pl.Series([None] * 4, dtype=pl.Float64),
        "signup": [1, 2, 3, 4],
    }
)
TYPES = {
    "amount": "Float64",
    "verified": "Bool",
    "country": "String",
    "device": "String",
    "empty": "Float64",
    "signup": "Int64",
}


def inputs() -> tuple[InputFeature, ...]:
    return choose_inputs(TYPES, ROWS, max_categories=3, excluded=["signup"])


def test_identities_and_empty_and_excluded_features_are_no_inputs() -> None:
    """The order of the service is kept, categories are sorted."""
    assert inputs() == (
        InputFeature(name="amount", dtype="Float64"),
        InputFeature(name="verified", dtype="Bool"),
        InputFeature(name="country", dtype="String", categories=("DE", "GR")),
    )


def test_the_matrix_is_what_serving_will_send() -> None:
    """Float32; null is NaN, a boolean 0 or 1, a string its index and -1 where training never saw it."""
    expected = np.array(
        [[1.5, 1, 1], [np.nan, 0, 0], [16_777_216.0, np.nan, np.nan], [4, 1, -1]], dtype=np.float32
    )
    rows = ROWS.with_columns(country=pl.Series(["GR", "DE", None, "XX"]))
    np.testing.assert_array_equal(matrix(inputs(), rows), expected)


def test_statistics_describe_what_was_there() -> None:
    """Nulls are a share of all rows, the moments are of the others."""
    figures = statistics(inputs(), ROWS)
    assert figures["amount"]["null_share"] == 0.25
    assert figures["amount"]["quantiles"]["0.5"] == 4.0
    assert figures["verified"]["mean"] == 2 / 3
    assert figures["country"] == {"null_share": 0.25, "categories": {"DE": 0.25, "GR": 0.5}}
