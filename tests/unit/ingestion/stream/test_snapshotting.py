"""When snapshots are taken, and that none of their troubles stops a worker."""

import time
from pathlib import Path
from typing import Any

import pytest

from ingestion.stream.forked import CAN_FORK
from ingestion.stream.snapshots import SnapshotStore
from tests.unit.ingestion.stream import crew as crew_module
from tests.unit.ingestion.stream.crew import Crew, Mate, crew
from tests.unit.ingestion.stream.test_worker import orders_of


def sample(mate: Mate, name: str) -> float:
    return mate.worker._parts.status.metrics.registry.get_sample_value(f"shop_stream_{name}") or 0.0


def taken(some: Crew) -> list[str]:
    return sorted(path.name for path in (some.folder / "snapshots").glob("[0-9]*"))


def test_a_snapshot_is_taken_when_the_archive_holds_what_it_holds() -> None:
    """Events wait for their archive file: so does the snapshot that has been due for long."""
    with crew(stream_archive_seconds=100.0) as some:
        mate = some.hire()
        some.settle()
        orders_of(some, 5)
        for _ in range(5):
            some.now.seconds += 3
            mate.turn()
        assert taken(some) == []
        some.now.seconds += 100
        some.rest()
        assert taken(some)
        assert sample(mate, "snapshot_bytes") > 0
        assert 0 < sample(mate, "snapshot_age_seconds") < 12


def test_a_snapshot_that_cannot_be_written_is_counted_and_the_stream_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a full disk; the next one may succeed."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with crew() as some:
        mate = some.hire()
        orders_of(some, 5)
        some.settle()
        with monkeypatch.context() as patched:
            patched.setattr(SnapshotStore, "_write", full)
            some.rest()
        assert sample(mate, "snapshot_failures_total") > 0
        assert "no snapshot: a restart folds more of the archive" in caplog.text
        orders_of(some, 5, first=5)
        some.settle()
        assert some.differences() == []
        some.rest()
        assert taken(some)


def test_parts_are_given_up_even_if_they_cannot_be_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gets them computes them from the archive."""

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with crew(shares=3) as some:
        some.hire()
        orders_of(some, 20)
        some.settle()
        monkeypatch.setattr(SnapshotStore, "_write", full)
        some.hire()
        some.settle()
        assert some.differences() == []


def test_snapshots_of_before_are_deleted(tmp_path: Path) -> None:
    """Two are left, however long it runs."""
    with crew() as some:
        some.hire()
        orders_of(some, 5)
        some.settle()
        for _ in range(5):
            some.rest()
        assert len(taken(some)) in (2, 3), "one may be written and not yet looked after"


def test_a_snapshot_store_that_is_not_reached_costs_time_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A bucket whose address is wrong, say: the views come from the archive."""

    def unreachable(_: Any) -> None:
        raise RuntimeError("no such endpoint")

    with crew() as some:
        some.hire()
        orders_of(some, 5)
        some.settle()
        some.fire(some.mates[0])
        monkeypatch.setattr(SnapshotStore, "manifests", unreachable)
        some.hire()
        some.settle()
        assert some.differences() == []
    assert "snapshots are not reached: the archive is folded" in caplog.text


@pytest.mark.skipif(not CAN_FORK, reason="snapshots are written in place here")
def test_units_that_are_given_up_do_not_wait_for_a_snapshot_that_is_being_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is ended and leaves nothing behind; what is saved now is newer."""
    monkeypatch.setattr(crew_module, "FORK", True)
    with crew() as some:
        mate = some.hire()
        orders_of(some, 5)
        some.settle()
        with monkeypatch.context() as patched:
            patched.setattr("ingestion.stream.snapshots._write_bytes", lambda *_: time.sleep(60))
            some.rest()
            end = time.monotonic() + 30
            while not (unfinished := list((some.folder / "snapshots").glob("_*/unit*"))):
                assert time.monotonic() < end, "no child has begun to write"
                time.sleep(0.01)
        some.fire(mate)
        assert not unfinished[0].exists()
        assert len(taken(some)) == 1
