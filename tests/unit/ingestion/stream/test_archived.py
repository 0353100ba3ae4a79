from datetime import timedelta
from pathlib import Path

import polars as pl

from ingestion.archive import Archive
from ingestion.stream.archived import Archived
from tests.unit.ingestion.stream.shop import DAY


def rows(*offsets: int, partition: int = 0, later: int = 0) -> pl.DataFrame:
    at = [DAY + timedelta(seconds=offset + later) for offset in offsets]
    types = {"_topic": pl.String, "_partition": pl.Int32, "_offset": pl.Int64}
    return pl.DataFrame(
        {
            "event_timestamp": at,
            "arrival_timestamp": at,
            "_topic": ["orders"] * len(at),
            "_partition": [partition] * len(at),
            "_offset": list(offsets),
        },
        schema_overrides=types,
    ).with_columns(pl.col("event_timestamp", "arrival_timestamp").cast(pl.Datetime("us", "UTC")))


def offsets(frame: pl.DataFrame) -> list[int]:
    return frame["_offset"].to_list()


def test_archived_messages_are_skipped(tmp_path: Path) -> None:
    """Offsets 0 to 2 of partition 0 are archived; the same offsets of another partition are not."""
    archive = Archive(tmp_path, "orders")
    archive.write(rows(0, 1, 2))
    archived = Archived.read(archive, "orders", archive.files(), {0: 9, 1: 9})
    assert offsets(archived.without(rows(1, 2, 3))) == [3]
    assert offsets(archived.without(rows(1, 2, partition=1))) == [1, 2]


def test_a_topic_made_anew_counts_its_offsets_again(tmp_path: Path) -> None:
    """The same offset with another arrival is another message."""
    archive = Archive(tmp_path, "orders")
    archive.write(rows(0, 1))
    assert offsets(
        Archived.read(archive, "orders", archive.files(), {0: 9}).without(rows(0, 1, later=1))
    ) == [0, 1]


def test_nothing_is_archived_by_default() -> None:
    """All rows stay."""
    assert offsets(Archived.none().without(rows(0, 1))) == [0, 1]


def test_nothing_is_left_to_recognise_once_all_of_it_was_left_behind(tmp_path: Path) -> None:
    """Offset 2 is the last that can come up: what lies behind the end of the partition is of its former life."""
    archive = Archive(tmp_path, "orders")
    archive.write(rows(0, 1, 2, 7))
    archived = Archived.read(archive, "orders", archive.files(), {0: 3})
    archived.without(rows(0, 1))
    assert not archived.is_empty
    archived.without(rows(2))
    assert archived.is_empty
