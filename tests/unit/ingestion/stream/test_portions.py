from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from ingestion.stream.archive_index import ArchiveIndex
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.portions import Wanted, portions
from tests.unit.ingestion.stream.shop import DAY, orders_topic


def archived(root: Path, seconds: list[list[int]]) -> EventTopic:
    """A file for each list: the offset of a row is its arrival in seconds."""
    topic = orders_topic(root)
    for arrivals in seconds:
        times = pl.Series([DAY + timedelta(seconds=s) for s in arrivals], dtype=pl.Datetime("us", "UTC"))
        rows = {
            "order_id": [f"o{s}" for s in arrivals],
            "event_timestamp": times,
            "arrival_timestamp": times,
            "user_id": ["ann"] * len(arrivals),
            "product_id": ["tea"] * len(arrivals),
            "amount": [1.0] * len(arrivals),
            "_topic": ["orders"] * len(arrivals),
            "_partition": [0] * len(arrivals),
            "_offset": arrivals,
        }
        topic.archive.write(pl.DataFrame(rows))
    return topic


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_portions_are_all_rows_in_arrival_order_and_bounded(tmp_path: Path, size: int) -> None:
    """Files overlap: one covers everything, others lie inside it, one arrived all at once."""
    seconds = [list(range(0, 200, 2)), list(range(1, 60, 2)), list(range(61, 200, 2)), [77] * 5]
    topic = archived(tmp_path, seconds)
    listing = ArchiveIndex(topic.archive, "orders").refresh()
    read = [rows["_offset"].to_list() for rows in portions(topic, Wanted(listing.lines, {}), size)]
    assert [offset for portion in read for offset in portion] == sorted(s for file in seconds for s in file)
    assert max(map(len, read)) <= 2 * size + 5


def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    """From offset 5 on, of what happened from 8 s on."""
    topic = archived(tmp_path, [list(range(10))])
    listing = ArchiveIndex(topic.archive, "orders").refresh()
    start_us = int((DAY + timedelta(seconds=8)).timestamp() * 1e6)
    read = list(portions(topic, Wanted(listing.behind({0: 5}, frozenset()), {0: 5}, start_us)))
    assert [rows["_offset"].to_list() for rows in read] == [[8, 9]]


def test_nothing_is_one_portion_less(tmp_path: Path) -> None:
    """An empty archive is not opened."""
    topic = orders_topic(tmp_path)
    listing = ArchiveIndex(topic.archive, "orders").refresh()
    assert list(portions(topic, Wanted(listing.lines, {}))) == []


def test_a_column_that_the_archive_does_not_have_yet_is_null(tmp_path: Path) -> None:
    """A view over a field that events have only from now on."""
    topic = archived(tmp_path, [[1, 2]])
    for file in Path(topic.archive.folder.url).rglob("*.parquet"):
        pl.read_parquet(file).drop("amount").write_parquet(file)
    listing = ArchiveIndex(topic.archive, "orders").refresh()
    (rows,) = portions(topic, Wanted(listing.lines, {}))
    assert rows["amount"].to_list() == [None, None]
