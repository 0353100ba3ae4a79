"""The real worker with a fuse: `python -m tests.chaos.doomed archive.written 2` dies as it gets there for the second time.

What it is composed of is composed by `ingestion.stream` itself; the points lie around the calls of its parts, so that the
program under test holds nothing for the sake of its tests. With `--freeze` it stops there (SIGSTOP) instead of dying.
"""

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial
from threading import Timer
from typing import IO, Any

import ingestion.stream.__main__ as program
from ingestion.folder import Folder
from ingestion.stream import recovery, snapshots
from ingestion.stream.worker import Parts

POINTS = (
    "read",
    "archive.begun",
    "archive.half_written",
    "claim.begun",
    "claim.done",
    "archive.written",
    "archive.moved",
    "archive.done",
    "letters.begun",
    "letters.done",
    "commit.begun",
    "commit.done",
    "push.begun",
    "push.half",
    "push.flying",
    "push.done",
    "snapshot.begun",
    "snapshot.done",
    "snapshot.child",
    "snapshot.delivered",
    "recovery.begun",
    "recovery.read",
    "recovery.folded",
)
"""Where it can die: between poll and archive; with half a file, before and behind its claim, with a whole file that nobody
sees, with one of several that are seen; around letters and commit; before, amid and behind a push; before a child writes a
snapshot, while it does (then it is the child that dies) and behind it; while it recovers: before it asks, with a snapshot
read, with the archive folded."""


class Fuse:
    """Burns down at one point.

    Args:
        point: One of `POINTS`.
        count: How often the point has to be reached.
        blow: Signal that the process sends to itself.
    """

    def __init__(self, point: str, count: int, blow: signal.Signals = signal.SIGKILL) -> None:
        self._point = point
        self._left = count
        self._blow = blow

    def burns(self, point: str) -> bool:
        """Whether this is the point and the time has come."""
        self._left -= point == self._point
        return point == self._point and not self._left

    def reach(self, point: str) -> None:
        """Die here if it is time."""
        if self.burns(point):
            self.strike()

    def strike(self) -> None:
        """The kernel ends (or stops) the process before this returns."""
        os.kill(os.getpid(), self._blow)


def rig(parts: Parts, fuse: Fuse) -> Parts:
    """Lay the fuse through the parts."""
    around(parts.consumer, "commit", fuse, "commit")
    around(parts.letters, "flush", fuse, "letters")
    around(parts.sink, "push", fuse, "push")
    around(parts.snapshots, "begin", fuse, "snapshot")
    before(parts.snapshots, "prune", lambda: fuse.reach("snapshot.delivered"))
    after(parts.snapshots, "read", lambda: fuse.reach("recovery.read"))
    before(parts.broker, "committed", lambda: fuse.reach("recovery.begun"))
    for topic in parts.topics:
        around(topic.archive, "write", fuse, "archive")
        around(topic.archive.folder._claims, "take", fuse, "claim")
        rig_files(topic.archive.folder, fuse)
    rig_reading(parts.consumer, fuse)
    rig_push(parts.sink, fuse)
    snapshots._write_bytes = partial(die_in_child, snapshots._write_bytes, fuse)
    recovery.fold = partial(die_behind_fold, recovery.fold, fuse)
    return parts


def before(thing: Any, method: str, pass_by: Callable[[], None]) -> None:
    """A point before a method of one object."""
    act = getattr(thing, method)

    def passed(*args: Any, **options: Any) -> Any:
        pass_by()
        return act(*args, **options)

    setattr(thing, method, passed)


def after(thing: Any, method: str, pass_by: Callable[[], None]) -> None:
    """A point behind a method of one object."""
    act = getattr(thing, method)

    def passed(*args: Any, **options: Any) -> Any:
        result = act(*args, **options)
        pass_by()
        return result

    setattr(thing, method, passed)


def around(thing: Any, method: str, fuse: Fuse, name: str) -> None:
    """Points before and behind a method of one object."""
    before(thing, method, lambda: fuse.reach(f"{name}.begun"))
    after(thing, method, lambda: fuse.reach(f"{name}.done"))


def rig_files(folder: Folder, fuse: Fuse) -> None:
    """Points inside the publication of files: `written` is before a move, `moved` behind it."""
    write, move = folder._write, folder._move

    def write_half(name: str, fill: Callable[[IO[bytes]], Any]) -> None:
        if fuse.burns("archive.half_written"):
            whole = io.BytesIO()
            fill(whole)
            write(name, lambda file: file.write(whole.getvalue()[: len(whole.getvalue()) // 2]))
            fuse.strike()
        write(name, fill)

    def move_one(source: str, target: str) -> None:
        fuse.reach("archive.written")
        move(source, target)
        fuse.reach("archive.moved")

    folder._write, folder._move = write_half, move_one  # type: ignore[method-assign]


def rig_reading(consumer: Any, fuse: Fuse) -> None:
    """A point behind a poll that brought messages."""
    read = consumer.read

    def read_some(*args: Any) -> Any:
        messages = read(*args)
        if messages:
            fuse.reach("read")
        return messages

    consumer.read = read_some


def die_in_child(write: Callable[..., None], fuse: Fuse, *args: Any) -> None:
    """The last file of a snapshot is written by the child: it dies before, and its parent lives on."""
    fuse.reach("snapshot.child")
    write(*args)


def die_behind_fold(fold: Callable[..., int], fuse: Fuse, *args: Any) -> int:
    """What the archive has is in the windows, and nobody has seen them yet."""
    rows = fold(*args)
    fuse.reach("recovery.folded")
    return rows


def rig_push(sink: Any, fuse: Fuse) -> None:
    """Points inside a push: half of the rows are there; the rows are on their way."""
    push = sink.push

    def push_some(view: str, rows: Any) -> None:
        if fuse.burns("push.half"):
            push(view, rows.head(rows.height // 2))
            fuse.strike()
        if fuse.burns("push.flying"):
            Timer(0.0005, fuse.strike).start()
        push(view, rows)

    sink.push = push_some


def main(argv: Sequence[str] | None = None) -> int:
    """The exit status of a worker that was not killed."""
    parser = argparse.ArgumentParser("python -m tests.chaos.doomed", description=__doc__)
    parser.add_argument("point", choices=POINTS)
    parser.add_argument("count", type=int)
    parser.add_argument("--freeze", action="store_true")
    options = parser.parse_args(argv)
    fuse = Fuse(options.point, options.count, signal.SIGSTOP if options.freeze else signal.SIGKILL)
    compose = program.compose
    program.compose = lambda settings, status, stop: rig(compose(settings, status, stop), fuse)
    return program.main([])


if __name__ == "__main__":
    sys.exit(main())
