"""A snapshot is there as a whole or not at all, on a disk and behind a URL."""

import errno
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import fsspec
import numpy as np
import pytest

from ingestion.stream.snapshot import Manifest, SavedGroup, SavedUnit, Snapshot
from ingestion.stream.snapshots import MANIFEST, SnapshotStore
from ingestion.stream.units import Unit

UNITS = (Unit("a", 0, 1, "def"), Unit("b", 0, 1, "def"))


def snapshot(taken_us: int, *units: Unit) -> Snapshot:
    saved = [SavedUnit(unit, frozenset({"f"}), False, "run", image={"x": np.arange(9)}) for unit in units]
    group = SavedGroup("orders", "id", {0: 7, 1: 0}, 5, saved, repeats={"y": np.ones(3)})
    return Snapshot(taken_us, [group], {"orders": b"index"})


@pytest.fixture(params=["disk", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SnapshotStore]:
    url = tmp_path / "snapshots" if request.param == "disk" else f"memory://{tmp_path.name}"
    yield SnapshotStore(url, tmp_path / "outbox", fork=False)
    if request.param == "memory":
        fsspec.filesystem("memory").store.clear()


def names(store: SnapshotStore) -> list[str]:
    return [manifest.name for manifest in store.manifests()]


def remove(store: SnapshotStore, manifest: Manifest, name: str) -> None:
    store._filesystem.rm_file(f"{store._root}/{manifest.name}/{name}")


def test_what_was_written_is_read(store: SnapshotStore) -> None:
    """Positions, definitions and images; nothing is left in the outbox of a store elsewhere."""
    writing = store.write(snapshot(3, *UNITS))
    (manifest,) = store.manifests()
    (group,) = manifest.groups
    assert (manifest.name, manifest.taken_us, writing.ended()) == (writing.name, 3, "")
    assert (group.topic, group.topic_id, group.positions, group.newest_us) == (
        "orders",
        "id",
        {0: 7, 1: 0},
        5,
    )
    assert [saved.unit for saved in group.units] == list(UNITS)
    assert group.units[0].counted == {"f"}
    assert store.read(manifest, group.entry)["y"].tolist() == [1, 1, 1]
    assert store.read(manifest, group.units[1].entry)["x"].tolist() == list(range(9))
    assert store.read(manifest, manifest.indexes["orders"])["index"].tobytes() == b"index"


def test_the_newest_comes_first(store: SnapshotStore) -> None:
    """By the time at which they were taken."""
    written = [store.write(snapshot(taken, *UNITS)).name for taken in (5, 900, 70)]
    assert names(store) == [written[1], written[2], written[0]]


def test_two_are_kept_of_every_unit(store: SnapshotStore) -> None:
    """Older ones go, unless something has no newer ones.

    ::

    taken     1: a b    2: a    3: a b    4: a    5: a
    kept      of b              of b      of a    of a
    and 1, as it is the second newest of b
    """
    written = [
        store.write(snapshot(taken, *units)).name
        for taken, units in enumerate([UNITS, UNITS[:1], UNITS, UNITS[:1], UNITS[:1]])
    ]
    store.prune(lambda key: key in {("a", "0", "1"), ("b", "0", "1")})
    assert names(store) == [written[4], written[3], written[2], written[0]]


def test_views_that_are_no_longer_served_keep_nothing(store: SnapshotStore) -> None:
    """Neither do archive indexes of topics that are gone."""
    store.write(snapshot(1, *UNITS))
    store.prune(lambda _key: False)
    assert names(store) == []


def test_a_manifest_that_cannot_be_read_is_refused_with_a_line(
    store: SnapshotStore, caplog: pytest.LogCaptureFixture
) -> None:
    """The older one is used; one without a manifest was never finished and is not worth a word."""
    first, second, third = (store.write(snapshot(taken, *UNITS)).name for taken in (1, 2, 3))
    content = store._filesystem.cat_file(f"{store._root}/{third}/{MANIFEST}")
    other = json.dumps({**json.loads(content), "format": 0}).encode()
    store._filesystem.pipe_file(f"{store._root}/{third}/{MANIFEST}", other)
    store._filesystem.rm_file(f"{store._root}/{second}/{MANIFEST}")
    assert names(store) == [first]
    assert [record.getMessage() for record in caplog.records] == ["snapshot refused"]
    assert "its format is 0" in caplog.records[0].fields["reason"]  # type: ignore[attr-defined]


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    """The error passes through; the snapshots of before stay."""
    store = SnapshotStore(tmp_path, tmp_path, fork=False)
    kept = store.write(snapshot(1, *UNITS)).name
    write, left = os.write, [3]

    def full(descriptor: int, content: Any) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content)

    with patch("ingestion.stream.image_file.os.write", full), pytest.raises(OSError, match="No space left"):
        store.write(snapshot(2, *UNITS))
    assert [path.name for path in tmp_path.iterdir()] == [kept]


def test_what_was_abandoned_is_deleted_after_an_hour(tmp_path: Path) -> None:
    """A child that was killed leaves half a snapshot; one that still writes is left alone."""
    store = SnapshotStore(tmp_path, tmp_path, fork=False)
    for name, age in (("_old", 3700), ("_young", 10)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    store.prune(lambda _key: True)
    assert [path.name for path in tmp_path.iterdir()] == ["_young"]


def test_a_child_writes_while_the_state_goes_on(tmp_path: Path) -> None:
    """What is read is the state of the moment at which it began."""
    store = SnapshotStore(tmp_path, tmp_path)
    taken = snapshot(1, *UNITS)
    array = taken.groups[0].units[0].image["x"]
    writing = store.begin(taken)
    array[:] = 0
    end = time.monotonic() + 30
    while (ended := writing.ended()) is None:
        assert time.monotonic() < end
        time.sleep(0.005)
    assert ended == ""
    assert store.deliver(writing.name) > 0
    (manifest,) = store.manifests()
    assert store.read(manifest, manifest.groups[0].units[0].entry)["x"].tolist() == list(range(9))
