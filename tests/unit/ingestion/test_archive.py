"""The archive keeps every event once, in the day in which it happened, whatever is killed while it is written."""

import json
import resource
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion.archive import Archive, EmptyArchiveError
from ingestion.claims import OvertakenError

MAY_1 = datetime(2024, 5, 1, tzinfo=UTC)


def events(*times: datetime, **columns: Any) -> pl.DataFrame:
    ids = [f"e{i}" for i in range(len(times))]
    return pl.DataFrame({"event_id": ids, "event_timestamp": list(times), **columns})


def ids(rows: pl.LazyFrame) -> list[str]:
    return rows.collect()["event_id"].to_list()


@pytest.fixture(params=["local", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    return Archive(tmp_path if request.param == "local" else f"memory://{tmp_path}", "orders")


def test_a_late_event_lies_in_the_day_in_which_it_happened(archive: Archive) -> None:
    """One batch with events of two days becomes one file in each day's folder."""
    paths = archive.write(events(MAY_1 + timedelta(hours=24), MAY_1 + timedelta(hours=23)))
    assert [Path(path).parent.name for path in paths] == ["date=2024-05-01", "date=2024-05-02"]
    assert archive.days() == [date(2024, 5, 1), date(2024, 5, 2)]
    assert ids(archive.scan(None, None)) == ["e1", "e0"]


def test_an_interval_is_half_open(archive: Archive) -> None:
    """The first instant belongs to it and the last does not."""
    archive.write(events(*(MAY_1 + timedelta(hours=h) for h in (0, 12, 24, 36))))
    assert ids(archive.scan(MAY_1 + timedelta(hours=12), MAY_1 + timedelta(hours=36))) == ["e1", "e2"]
    assert ids(archive.scan(None, MAY_1 + timedelta(hours=24))) == ["e0", "e1"]


def test_only_the_days_asked_for_are_opened(tmp_path: Path) -> None:
    """A file of another day may be unreadable."""
    archive = Archive(tmp_path, "orders")
    archive.write(events(MAY_1, MAY_1 + timedelta(days=1)))
    broken = tmp_path / "archive/orders/date=2024-05-02/9.parquet"
    broken.write_bytes(b"not parquet")
    assert ids(archive.scan(MAY_1, MAY_1 + timedelta(days=1))) == ["e0"]


def test_columns_of_the_log_are_completed(archive: Archive) -> None:
    """Without arrival and position the arrival is the event time and the position is null."""
    archive.write(events(MAY_1))
    row = archive.scan(None, None).collect().row(0, named=True)
    assert row == {
        "event_id": "e0",
        "event_timestamp": MAY_1,
        "arrival_timestamp": MAY_1,
        "_topic": None,
        "_partition": None,
        "_offset": None,
    }


def test_a_column_that_older_files_lack_is_null_there(archive: Archive) -> None:
    """A contract may gain a column without rewriting the archive."""
    archive.write(events(MAY_1))
    archive.write(events(MAY_1 + timedelta(hours=1), coupon=["x"]))
    assert archive.scan(None, None, ["event_id", "coupon"]).collect().rows() == [("e0", None), ("e0", "x")]


def test_an_empty_archive_has_the_schema_it_is_given_or_says_what_to_do(archive: Archive) -> None:
    """No frame of unknown columns is made up."""
    assert archive.scan(None, None, schema={"event_id": pl.String}).collect().schema == {
        "event_id": pl.String
    }
    with pytest.raises(EmptyArchiveError, match="archive some events first"):
        archive.scan(None, None)


def test_days_without_events_have_the_columns_of_the_others(archive: Archive) -> None:
    """An interval before all history is empty, not an error."""
    archive.write(events(MAY_1))
    assert "event_id" in archive.scan(None, MAY_1).collect_schema()


@pytest.mark.parametrize("time", [datetime(2024, 5, 1), None])  # noqa: DTZ001
def test_a_time_without_zone_or_value_is_refused(archive: Archive, time: datetime | None) -> None:
    """The error names the column."""
    with pytest.raises(ValueError, match="event_timestamp"):
        archive.write(pl.DataFrame({"event_timestamp": [time]}))


def test_a_batch_whose_writer_was_killed_while_files_were_moved_appears_whole(tmp_path: Path) -> None:
    """Offsets never cover an event that is not in the archive."""
    archive = Archive(tmp_path, "orders")
    position = {"_topic": ["orders"] * 2, "_partition": [0, 0], "_offset": [1, 2]}
    first, last = map(Path, archive.write(events(MAY_1 + timedelta(days=1), MAY_1, **position)))
    pending = tmp_path / "archive/orders/_pending"
    first.rename(pending / "b-0.tmp")
    names = {
        "_pending/b-0.tmp": f"{first.parent.name}/{first.name}",
        "_pending/b-1.tmp": f"{last.parent.name}/{last.name}",
    }
    (pending / "b.json").write_text(json.dumps(names))
    assert archive.folder.finish_interrupted() == 1
    assert ids(archive.scan(None, None)) == ["e1", "e0"]
    assert not list(pending.iterdir())


def test_a_writer_that_was_overtaken_leaves_nothing(archive: Archive) -> None:
    """Both saw the archive after batch 0 and write batch 1; the second wakes up when batches 1 and 2 are there.

    ::

        first    0 (asleep ------------------ 1: taken)
        second            1     2                        3
    """
    number = archive.next_number()
    archive.write(events(MAY_1), number=number)
    for later in (1, 2):
        archive.write(events(MAY_1 + timedelta(hours=later)), number=archive.next_number())
    with pytest.raises(OvertakenError):
        archive.write(events(MAY_1, MAY_1 + timedelta(days=1)), number=number + 1)
    assert archive.scan(None, None).collect().height == 3
    assert archive.next_number() == number + 3
    assert archive.folder.finish_interrupted() == 0


def test_an_old_number_is_refused_though_its_claim_is_forgotten(archive: Archive) -> None:
    """Only the newest claims are kept."""
    for number in range(20):
        archive.write(events(MAY_1), number=number)
    with pytest.raises(OvertakenError, match="is at batch 19, 3 comes too late"):
        archive.write(events(MAY_1), number=3)
    assert archive.next_number() == 20
    assert archive.scan(None, None).collect().height == 20


def test_a_batch_whose_writer_was_killed_behind_its_claim_appears(tmp_path: Path) -> None:
    """It has taken its number, and nothing is visible yet: whoever looks next finishes it."""
    archive = Archive(tmp_path, "orders")
    path = Path(archive.write(events(MAY_1), number=0)[0])
    batch = (tmp_path / "archive/orders/_claims/000000000000").read_text()
    pending = tmp_path / "archive/orders/_pending"
    path.rename(pending / f"{batch}-0.tmp")
    (pending / f"{batch}.json.tmp").write_text(
        json.dumps({f"_pending/{batch}-0.tmp": f"{path.parent.name}/{path.name}"})
    )
    archive.folder.finish_interrupted()
    assert ids(archive.scan(None, None)) == ["e0"]
    assert not list(pending.iterdir())


def test_what_a_killed_writer_left_of_a_number_is_removed_once_others_took_it(tmp_path: Path) -> None:
    """Half a file of batch 1; it stays while nobody else is further on."""
    archive = Archive(tmp_path, "orders")
    archive.write(events(MAY_1), number=0)
    left = tmp_path / f"archive/orders/_pending/000000000001-{'a' * 32}-0.tmp"
    left.write_bytes(b"PAR1")
    for number, stays in ((1, True), (2, False)):
        archive.folder.finish_interrupted()
        assert left.exists() is True
        archive.write(events(MAY_1), number=number)
        archive.folder.finish_interrupted()
        assert left.exists() is stays


def _write_some(root: Path, worker: int) -> None:
    archive = Archive(root, "orders")
    for i in range(20):
        archive.write(pl.DataFrame({"event_id": [f"{worker}-{i}"], "event_timestamp": [MAY_1]}))


def test_a_batch_that_the_disk_has_no_room_for_leaves_nothing(tmp_path: Path) -> None:
    """The first of two files fits, the second does not: an OSError, no row is visible and no temporary file is left."""
    archive = Archive(tmp_path, "orders")
    large = [MAY_1 + timedelta(days=1, microseconds=n**2) for n in range(5_000)]
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * 1024, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            archive.write(events(MAY_1, *large))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert archive.days() == []
    assert list((tmp_path / "archive/orders/_pending").iterdir()) == []


def test_processes_that_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Every row of every writer is there once."""
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        list(pool.map(_write_some, [tmp_path] * 3, range(3)))
    assert sorted(ids(Archive(tmp_path, "orders").scan(None, None))) == sorted(
        f"{w}-{i}" for w in range(3) for i in range(20)
    )
