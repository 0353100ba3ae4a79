"""An open loop in a process of its own, which nothing that is done meanwhile delays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event

import uvloop

from infra.answers import Answers
from infra.load import TIMEOUT_SECONDS, Target, open_loop

START_SECONDS = 60.0


@dataclass(frozen=True)
class LoadProcess:
    """A load that runs."""

    process: BaseProcess
    told: Connection
    ended: Event

    def end(self) -> Answers:
        """End it, now; what it was answered.

        Raises:
            RuntimeError: it has ended by itself before, or does not end.
        """
        self.ended.set()
        answers: Answers = self._hear(3 * TIMEOUT_SECONDS)
        return answers

    def begin(self) -> None:
        """Wait until the first request is about to be sent."""
        self._hear(START_SECONDS)

    def _hear(self, seconds: float) -> Answers:
        if not self.told.poll(seconds):
            raise RuntimeError(f"the load says nothing within {seconds:g} s")
        try:
            heard: Answers = self.told.recv()
        except EOFError as error:
            raise RuntimeError("the load broke off; what went wrong stands above") from error
        return heard


@contextmanager
def loading(target: Target, requests_per_second: float, most_seconds: float) -> Iterator[LoadProcess]:
    """A load from its first request on; it ends by itself after `most_seconds`, or by `LoadProcess.end`."""
    spawn = get_context("spawn")
    told, tell = spawn.Pipe(duplex=False)
    ended = spawn.Event()
    process = spawn.Process(target=_run, args=(target, requests_per_second, most_seconds, ended, tell))
    process.start()
    tell.close()  # the other end is its own: when it is gone there is nothing more to hear
    load = LoadProcess(process, told, ended)
    try:
        load.begin()
        yield load
    finally:
        process.kill()
        process.join()
        told.close()


def _run(target: Target, requests_per_second: float, seconds: float, ended: Event, tell: Connection) -> None:
    gc.freeze()  # what was imported is no garbage: looking through it would delay requests
    tell.send(Answers())
    tell.send(uvloop.run(open_loop(target, requests_per_second, seconds, ended.is_set)))
