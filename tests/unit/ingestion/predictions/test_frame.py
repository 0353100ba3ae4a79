"""Records as rows."""

import math
from typing import Any

import polars as pl
import pytest

from ingestion.predictions.frame import SCHEMA, rows_of
from ingestion.predictions.record import Record, read
from serving.journal.wire import encode
from tests.predictions_made import served


def record(**changes: Any) -> Record:
    return read(encode(served(**changes)))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_schema_is_the_same_whatever_is_in_it(count: int) -> None:
    """Files of a day are alike: empty ones, and those of records without features, views or scores."""
    bare = record(features={}, views={}, scores={}, row={"user_id": "u"}, risk_level=None)
    for rows in ([record()] * count, [bare] * count):
        assert rows_of(rows).schema == pl.Schema(SCHEMA)


@pytest.mark.parametrize(
    ("value", "number", "text"),
    [
        (None, None, None),
        (0.1, 0.1, None),
        (7, 7.0, None),
        (True, 1.0, None),
        (2**53, 2.0**53, None),
        (2**53 + 1, None, "9007199254740993"),
        ("toys", None, "toys"),
        ("", None, ""),
        ([1, "a"], None, '[1,"a"]'),
        (math.inf, math.inf, None),
        (-0.0, -0.0, None),
    ],
)
def test_a_value_is_a_number_or_a_text(value: Any, number: float | None, text: str | None) -> None:
    """Both null for null; nothing loses a bit."""
    (feature,) = rows_of([record(features={"one": value})])["features"].to_list()[0]
    assert repr(feature) == repr({"name": "one", "number": number, "text": text})


def test_rows_keep_what_is_theirs() -> None:
    """Lists of different lengths, between empty ones."""
    features: list[dict[str, Any]] = [{}, {"a": 1.0, "b": 2.0}, {}, {"c": "x"}]
    rows = rows_of([record(request_id=f"r{i}", features=some) for i, some in enumerate(features)])
    assert rows["request_id"].to_list() == ["r0", "r1", "r2", "r3"]
    assert [[f["name"] for f in row] for row in rows["features"].to_list()] == [[], ["a", "b"], [], ["c"]]


def test_keys_are_columns_and_the_rest_is_the_request() -> None:
    """A list of recommendations has no device and no amount."""
    (row,) = rows_of([record(row={"user_id": "u", "product_id": "p"})]).to_dicts()
    assert (row["user_id"], row["product_id"], row["device_id"], row["request"]) == ("u", "p", None, [])


def test_inputs_are_the_floats_that_the_model_read() -> None:
    """Float32, null where there was no value."""
    (row,) = rows_of([record()])["scores"].to_list()
    assert [score["inputs"] for score in row] == [[0.25, None, -1.0], [0.25, None]]
