"""Small files are joined under the eyes of readers and writers; no row is ever seen twice or not at all."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ingestion import compact
from ingestion.archive import Archive
from ingestion.compaction import Compaction
from ingestion.folder import Folder
from ingestion.folder_lock import LEASE, LOCK, FolderInUseError
from ingestion.joined import Join, counting
from ingestion.stream.archive_index import ArchiveIndex

MAY_1 = datetime(2024, 5, 1, tzinfo=UTC)
GRACE = timedelta(minutes=10)
HOUR_US = 3_600_000_000


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now_us = 0

    def __call__(self) -> int:
        return self.now_us


class KilledError(Exception):
    """The process was killed here."""


class Watched(Folder):
    """Tells what others would see after each change, and dies after a given number of them."""

    def __init__(self, url: str | Path, changes: int = 10**9) -> None:
        super().__init__(url)
        self.seen: list[tuple[list[str], list[Join]]] = []
        self._changes = changes

    def publish(self, frames: Mapping[str, pl.DataFrame]) -> list[str]:
        return self._watch(lambda: Folder.publish(self, frames))

    def record(self, join: Join) -> None:
        self._watch(lambda: Folder.record(self, join))

    def remove(self, names: Sequence[str]) -> None:
        for name in names:
            self._watch(lambda name=name: Folder.remove(self, [name]))  # type: ignore[misc]  # bound now

    def _watch(self, change: Callable[[], Any]) -> Any:
        if self._changes == 0:
            raise KilledError
        self._changes -= 1
        result = change()
        self.seen.append((list(self.sizes()), self.joins()))
        return result


def write(archive: Archive, first: int, count: int, **columns: Any) -> None:
    """Files of two events each, one every minute; offsets are their numbers."""
    for i in range(first, first + count):
        times = [MAY_1 + timedelta(minutes=i), MAY_1 + timedelta(minutes=i, seconds=-5)]
        position = {"_topic": "orders", "_partition": 0, "_offset": [2 * i, 2 * i + 1]} | columns
        archive.write(pl.DataFrame({"event_id": [2 * i, 2 * i + 1], "event_timestamp": times, **position}))


def compaction(folder: Folder, clock: Callable[[], int], **options: Any) -> Compaction:
    options = {"target_bytes": 2**20, "grace": GRACE, "sort_by": "event_timestamp"} | options
    return Compaction(folder, now_us=clock, **options)


def ids(archive: Archive) -> list[int]:
    return sorted(archive.scan(None, None).collect()["event_id"])


@pytest.fixture(params=["local", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    archive = Archive(tmp_path if request.param == "local" else f"memory://{tmp_path}", "orders")
    write(archive, 1, 5)
    return archive


def test_small_files_become_one_with_all_rows_in_order(archive: Archive) -> None:
    """Every column is kept, the rows stay sorted by event time."""
    before = archive.scan(None, None).sort("_offset").collect()
    counts = compaction(archive.folder, Clock()).run()
    assert (counts.joined, counts.into, counts.deleted) == (5, 1, 0)
    assert len(archive.files()) == 1
    after = archive.scan(None, None).collect()
    assert after["event_timestamp"].is_sorted()
    assert after.sort("_offset").equals(before)
    assert ArchiveIndex(archive, "orders").refresh().last_offsets() == {0: 11}


def test_what_was_replaced_is_deleted_after_the_grace_and_the_record_after_another(archive: Archive) -> None:
    """Readers that listed the files may open them until then; in the end one plain file is left.

    joined at 0        deleted from 10 min on        record removed from 20 min on
    """
    clock = Clock()
    compact_it = compaction(archive.folder, clock).run
    compact_it()
    left = []
    for minute in (9, 10, 19, 20):
        clock.now_us = minute * 60_000_000
        compact_it()
        left.append((len(archive.folder.sizes()), len(archive.folder.joins())))
    assert left == [(6, 1), (1, 1), (1, 1), (1, 0)]
    assert ids(archive) == list(range(2, 12))


def test_rows_without_a_position_in_kafka_stay_in_their_files(archive: Archive) -> None:
    """A joined file holds only rows that offsets tell apart; others separate what is joined."""
    write(archive, 6, 2, _offset=None)
    write(archive, 8, 3)
    alone = archive.files()[5:7]
    compaction(archive.folder, Clock()).run()
    assert len(archive.files()) == 4
    assert set(alone) < set(archive.files())


def test_files_of_different_columns_are_not_joined(archive: Archive) -> None:
    """A column that came later neither vanishes nor appears in older rows' files."""
    write(archive, 6, 3, coupon="x")
    compaction(archive.folder, Clock()).run()
    assert [archive.folder.height([name]) for name in archive.files()] == [10, 6]
    assert archive.scan(None, None).collect()["coupon"].null_count() == 10


def test_a_file_that_is_large_enough_or_has_a_name_of_its_own_is_left_alone(tmp_path: Path) -> None:
    """The size of a joined file bounds what is joined, neighbours stay neighbours."""
    folder = Folder(tmp_path)
    rows = pl.DataFrame({"value": [1]})
    names = [f"{i:016d}-{i:032x}.parquet" for i in range(4)]
    folder.publish({**dict.fromkeys(names, rows), "2024-05-01.parquet": rows})
    size = folder.sizes()[names[0]]
    compaction(folder, Clock(), target_bytes=size * 3, sort_by=None).run()
    heights = [folder.height([name]) for name in folder.files()]
    assert heights == [3, 1, 1]
    assert folder.files()[1:] == [names[3], "2024-05-01.parquet"]


def test_no_reader_sees_a_row_twice_or_misses_one(tmp_path: Path) -> None:
    """Whatever changes between its listing of the files and its reading of the records, within the grace.

    reader    list files ........ read records
    joiner         |  step  |  step  |
    """
    archive, clock = Archive(tmp_path, "orders"), Clock()
    write(archive, 1, 4)
    written, made_of = archive.files(), dict[str, tuple[str, ...]]()
    folder = Watched(archive.folder.url)
    for hours in range(4):
        clock.now_us = hours * HOUR_US
        folder.seen = [(list(folder.sizes()), folder.joins())]
        compaction(folder, clock).run()
        made_of |= {join.file: join.replaces for _, joins in folder.seen for join in joins}
        for i, (listed, _) in enumerate(folder.seen):
            for _, joins in folder.seen[i:]:
                counted = counting(listed, joins)
                assert sorted(part for name in counted for part in made_of.get(name, (name,))) == written
    assert len(archive.files()) == 1
    assert not folder.joins()


@pytest.mark.parametrize("changes", range(12))
def test_killed_anywhere_it_can_be_run_again(tmp_path: Path, changes: int) -> None:
    """Every row is there once: when it was killed, and after the next runs."""
    archive, clock = Archive(tmp_path, "orders"), Clock()
    write(archive, 1, 4)
    for hours in range(2):
        clock.now_us = hours * HOUR_US
        try:
            compaction(Watched(archive.folder.url, changes), clock).run()
        except KilledError:
            archive.folder.remove([LOCK])
        assert ids(archive) == list(range(2, 10))
    for hours in range(2, 6):
        clock.now_us = hours * HOUR_US
        compaction(archive.folder, clock).run()
        assert ids(archive) == list(range(2, 10))
    assert len(archive.folder.sizes()) == 1


def test_one_compaction_of_a_folder_runs_at_a_time(archive: Archive) -> None:
    """The error says since when and what to do; the lock of a killed one expires."""
    clock = Clock()
    archive.folder.create(LOCK, b'{"holder": "other", "since_us": 0}')
    with pytest.raises(FolderInUseError, match="being replaced since 1970-01-01"):
        compaction(archive.folder, clock).run()
    clock.now_us = LEASE // timedelta(microseconds=1)
    assert compaction(archive.folder, clock).run().into == 1
    assert archive.folder.content(LOCK) is None


def test_a_compaction_that_lost_its_lock_replaces_nothing(archive: Archive) -> None:
    """Another may have joined the same files meanwhile."""

    class Slow(Folder):
        def publish(self, frames: Mapping[str, pl.DataFrame]) -> list[str]:
            self.remove([LOCK])
            self.create(LOCK, b'{"holder": "other", "since_us": 0}')
            return super().publish(frames)

    with pytest.raises(FolderInUseError):
        compaction(Slow(archive.folder.url), Clock()).run()
    assert len(archive.files()) == 5
    assert ids(archive) == list(range(2, 12))


def _write_some(root: Path, worker: int) -> None:
    write(Archive(root, "orders"), 100 * worker, 30)


def _compact_often(root: Path) -> None:
    for _ in range(15):
        compaction(Archive(root, "orders").folder, Clock()).run()


def test_writers_and_readers_go_on_while_files_are_joined(tmp_path: Path) -> None:
    """Nothing is lost, nothing is seen twice, and what a reader has seen it sees again."""
    archive, seen = Archive(tmp_path, "orders"), set[int]()
    write(archive, 0, 2)
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        work = [pool.submit(_write_some, tmp_path, worker) for worker in (1, 2)]
        work.append(pool.submit(_compact_often, tmp_path))
        while not all(one.done() for one in work):
            found = ids(archive)
            assert len(found) == len(set(found))
            assert seen <= set(found)
            seen = set(found)
        for one in work:
            one.result()
    assert ids(archive) == [
        number for first in (0, 200, 400) for number in range(first, first + (4 if first == 0 else 60))
    ]


def test_the_command_compacts_every_archive_and_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says what it did; 1 where a folder was in use."""
    write(Archive(tmp_path, "orders"), 1, 3)
    table = Folder(tmp_path / "tables" / "profiles")
    table.publish({f"{i:016d}-{i:032x}.parquet": pl.DataFrame({"value": [i]}) for i in range(2)})
    assert compact.main(["--root", str(tmp_path), "--grace-minutes", "5"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "archive/orders: 3 files joined into 1, 0 deleted",
        "tables/profiles: 2 files joined into 1, 0 deleted",
    ]
    assert table.scan(table.files_below()).collect()["value"].to_list() == [0, 1]
    table.create(LOCK, b'{"holder": "other", "since_us": 9000000000000000}')
    assert compact.main(["--root", str(tmp_path)]) == 1
