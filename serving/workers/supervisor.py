"""Starts workers, starts those again that die, and ends them. Imports nothing that takes long."""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from time import monotonic
from typing import Final

from serving.errors import StartError
from serving.workers.place import Place

logger = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 0.5
PAUSE_MAX_SECONDS: Final = 30.0
"""A worker that dies again and again is started with pauses that double up to this."""
STEADY_SECONDS: Final = 60.0
"""One that lived for so long is started at once."""
_KILL_SECONDS: Final = 3.0
"""Longer than a worker takes for what it does behind its own timeout."""
_CANNOT_START: Final = 2


@dataclass
class Supervisor:
    """Keeps so many workers on one socket.

    Attributes:
        size: How many.
        listening: A bound socket; closed when the end begins.
        folder: Where they meet.
        alive: Read end of a pipe whose other end only this process has.
        end_seconds: How long they may take to end.
    """

    size: int
    listening: socket.socket
    folder: Path
    alive: int
    end_seconds: float
    _ending: asyncio.Event = field(default_factory=asyncio.Event)
    _processes: dict[int, Process] = field(default_factory=dict)
    _cannot_start: bool = False

    async def run(self) -> None:
        """Until SIGTERM or SIGINT.

        Raises:
            StartError: if a worker cannot start at all; it has said why.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ending.set)
        # Look for other models now, all of you.
        loop.add_signal_handler(signal.SIGHUP, self._signal, signal.SIGHUP)
        keeping = [asyncio.create_task(self._keep(number)) for number in range(self.size)]
        await self._ending.wait()
        # Nobody new may come once the last worker has closed the socket: this copy must not keep it open.
        self.listening.close()
        self._signal(signal.SIGTERM)
        _, late = await asyncio.wait(keeping, timeout=self.end_seconds + _KILL_SECONDS)
        if late:
            logger.error("workers %s did not end in time and are killed", sorted(self._processes))
            self._signal(signal.SIGKILL)
        await asyncio.gather(*keeping)
        if self._cannot_start:
            raise StartError(f"a worker of {self.size} cannot start; the reason stands above")

    async def _keep(self, number: int) -> None:
        pause, again = PAUSE_SECONDS, False
        while not self._ending.is_set():
            started = monotonic()
            status = await self._life(number)
            if self._ending.is_set():
                return
            if status == _CANNOT_START and not again:
                self._cannot_start = True
                self._ending.set()
                return
            steady = monotonic() - started > STEADY_SECONDS
            pause, again = PAUSE_SECONDS if steady else pause, True
            logger.error("worker %d ended with %s; it is started again", number, _told(status))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), 0 if steady else pause)
            pause = min(2 * pause, PAUSE_MAX_SECONDS)

    async def _life(self, number: int) -> int:
        place = Place(number, self.listening.fileno(), self.alive, self.folder)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "serving.workers", *place.arguments),
            pass_fds=[place.listening, place.alive],
            # Ctrl-C is for this process, which ends them in order.
            start_new_session=True,
        )
        self._processes[number] = process
        logger.info("worker %d has process id %d", number, process.pid)
        if self._ending.is_set():
            process.terminate()
        try:
            return await process.wait()
        finally:
            del self._processes[number]

    def _signal(self, number: signal.Signals) -> None:
        for process in list(self._processes.values()):
            with suppress(ProcessLookupError):
                process.send_signal(number)


@contextmanager
def supervisor(size: int, listening: socket.socket, end_seconds: float) -> Iterator[Supervisor]:
    """A supervisor with a folder of its own, which is gone at the end."""
    folder = Path(mkdtemp(prefix="shop-api-"))
    alive, held = os.pipe()
    try:
        yield Supervisor(size, listening, folder, alive, end_seconds)
    finally:
        os.close(held)
        os.close(alive)
        shutil.rmtree(folder, ignore_errors=True)


def _told(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"
