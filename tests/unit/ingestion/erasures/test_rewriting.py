"""Files without somebody, beside writers and readers, whatever is killed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from ingestion.archive import Archive
from ingestion.claims import OvertakenError
from ingestion.compaction import Compaction
from ingestion.erasures.rewriting import Rewriting, fence
from ingestion.folder_lock import LOCK, FolderInUseError
from ingestion.joined import original
from ingestion.stream.archive_index import ArchiveIndex

DAY = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATER_US = int(DAY.timestamp() + 86_400) * 1_000_000
GRACE = timedelta(minutes=10)


class Yard:
    """An archive of three files: ann and bob in each; a clock that is set by hand."""

    def __init__(self, folder: Path) -> None:
        self.archive = Archive(folder, "orders")
        self.now_us = LATER_US
        for n in range(3):
            self.archive.write(frame(n))

    def rewriting(self) -> Rewriting:
        times = ("event_timestamp", "arrival_timestamp")
        return Rewriting(self.archive.folder, times, lambda: self.now_us, GRACE, "here")

    def leave_out(self, **ends_us: int) -> dict[str, int]:
        return self.rewriting().leave_out(ends_us, lambda _done, _total: None)

    def rows(self) -> pl.DataFrame:
        return self.archive.scan(None, None).collect()

    def on_disk(self) -> set[str]:
        return set(self.archive.folder.sizes())


def frame(n: int, topic: str | None = "orders") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "event_timestamp": [DAY + n * MINUTE, DAY + n * MINUTE],
            "user_id": ["ann", "bob"],
            "_topic": [topic, topic],
            "_partition": pl.Series([0, 1] if topic else [None, None], dtype=pl.Int32),
            "_offset": pl.Series([n, n] if topic else [None, None], dtype=pl.Int64),
        }
    )


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


def test_rows_of_others_stay_as_they_were(yard: Yard) -> None:
    """Also their order and their types; a second time there is nothing to do."""
    before = yard.rows()
    assert yard.leave_out(ann=LATER_US, zoe=LATER_US) == {"ann": 3, "zoe": 0}
    assert yard.rows().equals(before.filter(pl.col("user_id") == "bob"))
    assert yard.leave_out(ann=LATER_US) == {"ann": 0}


def test_what_is_newer_stays(yard: Yard) -> None:
    """Of ann's orders of minutes 0, 1 and 2 those up to minute 1 are gone."""
    assert yard.leave_out(ann=int((DAY + MINUTE).timestamp()) * 1_000_000) == {"ann": 2}
    assert yard.rows().filter(pl.col("user_id") == "ann")["_offset"].to_list() == [2]


def test_replaced_files_are_deleted_after_the_grace(yard: Yard) -> None:
    """Until then they lie there for readers that have listed them, and do not count."""
    old = yard.on_disk()
    yard.leave_out(ann=LATER_US)
    assert yard.rewriting().clear() == 3
    assert old < yard.on_disk()
    yard.now_us += GRACE // timedelta(microseconds=1)
    assert yard.rewriting().clear() == 0
    assert not old & yard.on_disk()
    assert yard.rows()["user_id"].to_list() == ["bob"] * 3


@pytest.mark.parametrize("write", range(9))
def test_killed_at_any_change_it_may_be_run_again(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, write: int
) -> None:
    """Each reader in between sees bob's orders once; the next run finishes, also where the lock was left."""
    changes = iter(range(1_000))
    move = type(yard.archive.folder)._move

    def killed(folder: object, source: str, target: str) -> None:
        if next(changes) == write:
            raise KeyboardInterrupt
        move(folder, source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(type(yard.archive.folder), "_move", killed)
    monkeypatch.setattr(type(yard.archive.folder), "remove", lambda _self, _names: None)
    with pytest.raises(KeyboardInterrupt):
        yard.leave_out(ann=LATER_US)
    monkeypatch.undo()
    assert yard.rows().filter(pl.col("user_id") == "bob")["_offset"].to_list() == [0, 1, 2]
    yard.leave_out(ann=LATER_US)
    assert yard.rows()["user_id"].to_list() == ["bob"] * 3


def test_who_joins_files_is_waited_for(yard: Yard) -> None:
    """The lock is another's; one that the same program left on this machine is taken over."""
    yard.archive.folder.create(LOCK, b'{"holder": "other", "since_us": %d}' % yard.now_us)
    with pytest.raises(FolderInUseError):
        yard.leave_out(ann=LATER_US)
    yard.archive.folder.remove([LOCK])
    yard.archive.folder.create(LOCK, b'{"holder": "ingestion.erase on here", "since_us": %d}' % yard.now_us)
    assert yard.leave_out(ann=LATER_US) == {"ann": 3}


def test_rewritten_files_are_joined_later(yard: Yard) -> None:
    """As small ones, once nothing is to be told of their replacement any more."""
    yard.leave_out(ann=LATER_US)
    for _ in range(2):
        yard.now_us += GRACE // timedelta(microseconds=1)
        yard.rewriting().clear()
    compaction = Compaction(
        yard.archive.folder,
        now_us=lambda: yard.now_us,
        target_bytes=1 << 20,
        grace=GRACE,
        sort_by="event_timestamp",
    )
    assert compaction.run().joined == 3
    assert yard.rows()["user_id"].to_list() == ["bob"] * 3
    assert yard.leave_out(bob=LATER_US) == {"bob": 3}
    assert yard.rows().is_empty()


def test_a_state_knows_a_file_again_that_was_rewritten(tmp_path: Path) -> None:
    """Rows without a place in Kafka are told by the name that their file had at first."""
    yard = Yard(tmp_path)
    yard.archive.write(frame(9, topic=None))
    index = ArchiveIndex(yard.archive, "orders")
    before = index.refresh()
    yard.leave_out(ann=LATER_US)
    after = index.refresh()
    assert (after.unplaced, after.originals) == (before.unplaced, before.originals)
    assert after.names.isdisjoint(before.names)
    assert after.behind({0: 9, 1: 9}, before.unplaced).is_empty()
    assert {original(name) for name in after.names} == before.names


def test_behind_a_fence_no_batch_appears_that_was_numbered_before(yard: Yard) -> None:
    """Whoever archives has to ask for a number anew, and reads the tombstones when it does."""
    number = yard.archive.next_number()
    fence(yard.archive.folder)
    with pytest.raises(OvertakenError):
        yard.archive.write(frame(7), number=number)
    assert 7 not in yard.rows()["_offset"]
    yard.archive.write(frame(8), number=yard.archive.next_number())
    assert 8 in yard.rows()["_offset"]
