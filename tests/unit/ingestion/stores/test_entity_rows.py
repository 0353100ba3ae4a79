"""Entity rows are taken as they come, or refused with what is wrong with them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from ingestion.stores.entity_rows import EntityRows, EntityRowsError

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
NAIVE = datetime(2024, 5, 1, 12)  # noqa: DTZ001


def instants(rows: EntityRows) -> list[datetime]:
    return pl.Series(rows.table[rows.timestamp]).to_list()


@pytest.mark.parametrize(
    "times",
    [
        pd.Series([NOON]),
        pd.Series([NAIVE]),
        pd.Series([NAIVE]).astype("datetime64[us]"),
        pd.Series([NOON]).dt.tz_convert("Asia/Tokyo"),
        pd.Series(["2024-05-01T12:00:00Z"]),
        pd.Series(["2024-05-01 14:00:00+02:00"]),
        pd.Series([NOON], dtype=object),
    ],
)
def test_every_way_to_write_an_instant_is_the_same_instant(times: Any) -> None:
    """Naive means UTC; the result is in microseconds and UTC."""
    rows = EntityRows.read(pd.DataFrame({"user": ["a"], "event_timestamp": times}))
    assert instants(rows) == [NOON]
    assert str(rows.table.schema.field("event_timestamp").type) == "timestamp[us, tz=UTC]"


def test_rows_may_come_as_pandas_polars_arrow_or_a_file(tmp_path: Path) -> None:
    """The columns are the same."""
    frame = pl.DataFrame({"user": ["a"], "event_timestamp": [NOON]})
    frame.write_parquet(tmp_path / "rows.parquet")
    for source in (frame, frame.to_pandas(), frame.to_arrow(), str(tmp_path / "rows.parquet")):
        assert instants(EntityRows.read(source)) == [NOON]


def test_the_only_column_of_times_is_taken_for_the_instant() -> None:
    """As Feast does."""
    assert EntityRows.read(pd.DataFrame({"user": ["a"], "ordered": [NOON]})).timestamp == "ordered"


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"user": ["a"]}), r"needs a column 'event_timestamp'.*\['user'\]"),
        (pd.DataFrame({"event_timestamp": [NOON, None]}), "1 of 2 rows have no 'event_timestamp'"),
        (pd.DataFrame({"event_timestamp": ["yesterday"]}), "not times"),
        ("SELECT 1", "SELECT 1"),
    ],
)
def test_rows_without_instants_are_refused(frame: Any, message: str) -> None:
    """The error says what is there."""
    with pytest.raises(EntityRowsError, match=message):
        EntityRows.read(frame)


def test_a_missing_key_is_named_with_the_view_and_what_there_is() -> None:
    """So that the caller sees which column to add."""
    rows = EntityRows.read(pd.DataFrame({"user": ["a"], "event_timestamp": [NOON]}))
    with pytest.raises(
        EntityRowsError,
        match=r"'user_orders' needs the join key \['user_id'\].*\['user', 'event_timestamp'\]",
    ):
        rows.keyed("user_orders", {"user_id": "user_id"}, {"user_id": pl.String()})


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (pd.Series([7], dtype="int32"), pl.Int64(), [7]),
        (pd.Series([7.0, 7.5, None]), pl.Int64(), [7, None, None]),
        (pd.Series([2**40]), pl.Int32(), [None]),
        (pd.Series(["a"], dtype="category"), pl.String(), ["a"]),
        (pd.Series([None], dtype=object), pl.String(), [None]),
    ],
)
def test_a_key_is_brought_to_the_type_of_the_source(
    ours: Any, theirs: pl.DataType, expected: list[Any]
) -> None:
    """A value that does not exist in that type matches nothing."""
    rows = EntityRows.read(pd.DataFrame({"key": ours, "event_timestamp": NOON}))
    assert rows.keyed("view", {"key": "key"}, {"key": theirs})["key"].to_list() == expected


def test_a_key_that_cannot_be_compared_is_refused() -> None:
    """Numbers never match strings: silence would be a column of nulls."""
    rows = EntityRows.read(pd.DataFrame({"user": [7], "event_timestamp": [NOON]}))
    with pytest.raises(EntityRowsError, match="'user' as String, entity_df has it as Int64"):
        rows.keyed("view", {"user": "user"}, {"user": pl.String()})


def test_a_feature_that_the_rows_already_have_is_refused() -> None:
    """No column is silently replaced."""
    rows = EntityRows.read(pd.DataFrame({"amount": [7], "event_timestamp": [NOON]}))
    with pytest.raises(EntityRowsError, match="amount"):
        rows.with_features([pl.DataFrame({"amount": [1.0]})])


def test_what_was_known_of_a_partition_wants_numbers_and_instants() -> None:
    """Without `known_timestamp` both columns are the caller's own."""
    asked = pl.DataFrame(
        {"user": ["a"], "event_timestamp": [NOON], "behind_partition": [1], "behind_known_timestamp": [NOON]}
    )
    known = asked.with_columns(known_timestamp=pl.lit(NOON))
    assert EntityRows.read(asked).known() == []
    assert [column.to_list() for column in EntityRows.read(known).known()] == [[NOON], [1], [NOON]]
    for wrong in (known.drop("behind_known_timestamp"), known.with_columns(behind_partition=pl.lit("first"))):
        with pytest.raises(EntityRowsError, match="'behind_partition' takes numbers of partitions"):
            EntityRows.read(wrong).known()
