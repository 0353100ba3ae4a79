"""What a worker is started with: its number, the socket all listen on, and the folder they meet in."""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True)
class Place:
    """Of one worker.

    Attributes:
        number: From 0.
        listening: File descriptor of the socket.
        alive: File descriptor of a pipe that ends when whoever starts the workers is gone.
        folder: Where workers meet.
    """

    number: int
    listening: int
    alive: int
    folder: Path

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> Self:
        """From a command line."""
        number, listening, alive, folder = arguments
        return cls(int(number), int(listening), int(alive), Path(folder))

    @property
    def arguments(self) -> list[str]:
        """For a command line."""
        return [str(self.number), str(self.listening), str(self.alive), str(self.folder)]

    def socket(self) -> socket.socket:
        """The socket that all workers listen on."""
        return socket.socket(fileno=self.listening)

    @contextmanager
    def ending_with_its_supervisor(self, end: Callable[[], None]) -> Iterator[None]:
        """Call ``end`` when whoever started this worker is gone: nobody else would end it."""
        loop = asyncio.get_running_loop()

        def gone() -> None:
            loop.remove_reader(self.alive)
            end()

        loop.add_reader(self.alive, gone)
        try:
            yield
        finally:
            loop.remove_reader(self.alive)
            os.close(self.alive)
