import os
import signal
import socket
import time
from pathlib import Path

import numpy as np
import pytest

from ingestion.stream.forked import CAN_FORK, Child

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="snapshots are written in place here")


def verdict(child: Child) -> str:
    end = time.monotonic() + 30
    while (ended := child.ended()) is None:
        assert time.monotonic() < end, "the child has not ended"
        time.sleep(0.005)
    return ended


def test_a_child_writes_the_state_of_the_moment(tmp_path: Path) -> None:
    """The parent has long gone on."""
    state, go = np.zeros(100_000, dtype=np.uint8), tmp_path / "go"

    def act() -> None:
        while not go.exists():
            time.sleep(0.002)
        (tmp_path / "state").write_bytes(state.tobytes())

    child = Child(act)
    state[:] = 1
    go.touch()
    assert verdict(child) == ""
    assert set((tmp_path / "state").read_bytes()) == {0}


def test_a_child_that_fails_says_why() -> None:
    """A full disk, for one."""

    def act() -> None:
        raise OSError(28, "No space left on device")

    assert verdict(Child(act)) == "OSError: [Errno 28] No space left on device"


def test_a_child_that_is_killed_has_failed() -> None:
    """By the kernel, for want of memory."""

    def act() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    assert "-9" in verdict(Child(act))


def test_a_child_can_be_ended(tmp_path: Path) -> None:
    """A newer snapshot is needed now."""

    def act() -> None:
        time.sleep(60)
        (tmp_path / "written").touch()

    begin = time.monotonic()
    Child(act).kill()
    assert time.monotonic() - begin < 30
    assert not (tmp_path / "written").exists()


def test_sockets_end_with_the_parent(tmp_path: Path) -> None:
    """A child that still writes keeps neither a port nor a connection."""
    with socket.socket() as ours:
        ours.bind(("127.0.0.1", 0))

        def act() -> None:
            (tmp_path / "open").write_text(" ".join(path.name for path in Path("/proc/self/fd").iterdir()))

        assert verdict(Child(act)) == ""
        assert str(ours.fileno()) not in (tmp_path / "open").read_text().split()
