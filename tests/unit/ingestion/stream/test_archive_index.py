import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion.archive import Archive
from ingestion.stream.archive_index import ArchiveIndex, settled_files
from tests.unit.ingestion.stream.shop import DAY, DAY_US, SECOND


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(tmp_path, "orders")


def write(
    archive: Archive, places: Sequence[tuple[str | None, int | None, int | None]], seconds: int = 0
) -> list[str]:
    """One row for each topic, partition and offset; names of the files."""
    at = [DAY + timedelta(seconds=seconds + n) for n in range(len(places))]
    types = {"_topic": pl.String, "_partition": pl.Int32, "_offset": pl.Int64}
    frame = pl.DataFrame(places, schema=types, orient="row")
    times = pl.Series(at, dtype=pl.Datetime("us", "UTC"))
    before = set(archive.files())
    archive.write(frame.with_columns(times.alias("event_timestamp"), times.alias("arrival_timestamp")))
    return sorted(set(archive.files()) - before)


def test_a_listing_tells_offsets_arrivals_and_what_has_no_place(archive: Archive) -> None:
    """Rows of a topic of another name count as having none."""
    (placed,) = write(archive, [("orders", 0, 4), ("orders", 0, 6), ("orders", 1, 2)])
    (loaded,) = write(archive, [(None, None, None), ("former", 0, 99)], seconds=60)
    listing = ArchiveIndex(archive, "orders").refresh()
    assert listing.last_offsets() == {0: 6, 1: 2}
    assert (listing.names, listing.unplaced) == ({placed, loaded}, {loaded})
    assert listing.newest_us() == DAY_US + 61 * SECOND
    assert sorted(listing.lines["rows"].to_list()) == [1, 2, 2]


def test_an_empty_archive_has_an_empty_listing(archive: Archive) -> None:
    """As before the first event."""
    listing = ArchiveIndex(archive, "orders").refresh()
    assert (listing.last_offsets(), listing.newest_us(), listing.behind({}, frozenset()).height) == (
        {},
        None,
        0,
    )


def test_only_new_files_are_opened(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by another index, that was given what this one has learnt; files that are gone are forgotten."""
    (first,) = write(archive, [("orders", 0, 1)])
    learnt = ArchiveIndex(archive, "orders")
    learnt.refresh()
    index = ArchiveIndex(archive, "orders")
    index.load(learnt.saved())
    (second,) = write(archive, [("orders", 0, 2)], seconds=10)
    opened: list[str] = []
    scan = archive.folder.scan

    def scanned(names: Sequence[str], **options: Any) -> pl.LazyFrame:
        opened.extend(names)
        return scan(names, **options)

    monkeypatch.setattr(archive.folder, "scan", scanned)
    assert index.refresh().last_offsets() == {0: 2}
    assert opened == [second]
    archive.folder.remove([first])
    assert index.refresh().names == {second}


def test_what_is_behind_a_state_is_told_by_offsets_or_by_names(archive: Archive) -> None:
    """Files a and b by offset, c and d by name.

    ::

    file      a: 0-4      b: 5-9      c: loaded      d: loaded
    state     |--- position 5         counted
    """
    write(archive, [("orders", 0, n) for n in range(5)])
    (b,) = write(archive, [("orders", 0, n) for n in range(5, 10)], seconds=10)
    (c,) = write(archive, [(None, None, None)], seconds=20)
    (d,) = write(archive, [(None, None, None)], seconds=30)
    listing = ArchiveIndex(archive, "orders").refresh()
    assert listing.behind({0: 5}, frozenset({c}))["name"].to_list() == [b, d]
    assert listing.behind({0: 10}, frozenset({c, d})).is_empty()
    assert listing.behind({}, frozenset()).height == 4


def test_files_are_listed_when_no_batch_is_half_visible(archive: Archive) -> None:
    """A writer was killed between the first and the second of two moves: the batch is completed before it is listed."""
    write(archive, [("orders", 0, 0)])
    folder = Path(archive.folder.url)
    late = folder / "_pending" / "batch-1.tmp"
    late.parent.mkdir(exist_ok=True)
    shown = next(folder.glob("date=*/*.parquet"))
    late.write_bytes(shown.read_bytes())
    target = f"date=2024-04-30/{shown.name}"
    (folder / "_pending" / "batch.json").write_text(json.dumps({"_pending/batch-1.tmp": target}))
    assert settled_files(archive) == [target, f"date=2024-05-01/{shown.name}"]
    assert not archive.folder.is_pending()
