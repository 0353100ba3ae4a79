"""What a worker knows of the others: they ask one another over sockets in a folder of their own. Control path."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry, Counter

from serving.workers.figures import Figures, exposition, summed

logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 0.5
"""How long one that is asked may take; readiness and figures are asked every few seconds by programs that wait longer."""
KEEP_SECONDS: Final = 1.0
"""How often a worker writes down what it counted; so much is lost of one that is killed, but nothing that was told."""
_READY, _FIGURES = b"ready\n", b"figures\n"
_BYTES_MAX: Final = 16 << 20


@dataclass
class Crew:
    """One worker and the way to the others.

    Attributes:
        folder: Of the sockets and of what was counted.
        number: This one's, from 0.
        size: How many there are.
        registry: Where this one counts.
        ready: Why this one is not ready; empty where it is.
    """

    folder: Path
    number: int
    size: int
    registry: CollectorRegistry
    ready: Callable[[], Awaitable[str]]
    _before: Figures = field(default_factory=lambda: Figures({}))

    @asynccontextmanager
    async def meeting(self) -> AsyncIterator[None]:
        """Answer the others meanwhile; begin from what the worker of this number counted before it was started again."""
        self._before = self._left(self.number)
        Counter("shop_api_worker_starts", "Starts of workers, first ones too.", registry=self.registry).inc()
        socket = _socket(self.folder, self.number)
        socket.unlink(missing_ok=True)
        server = await asyncio.start_unix_server(self._answer, socket)
        keeping = asyncio.create_task(self._keep_forever())
        try:
            yield
        finally:
            keeping.cancel()
            self._keep()
            server.close()
            # Whoever asks from now on reads what was written down.
            socket.unlink(missing_ok=True)

    async def trouble(self) -> str:
        """Which workers are not ready, and why; empty where all are."""
        told = await asyncio.gather(*(self._trouble_of(number) for number in self._others()))
        return "; ".join(one for one in told if one)

    async def exposition(self) -> bytes:
        """Figures of all workers in Prometheus' text format."""
        others = await asyncio.gather(*(self._figures_of(number) for number in self._others()))
        return exposition(summed([self._keep().of_worker(str(self.number)), *others]))

    def _others(self) -> list[int]:
        return [number for number in range(self.size) if number != self.number]

    async def _trouble_of(self, number: int) -> str:
        answer = await _asked(self.folder, number, _READY)
        if answer is None:
            return f"worker {number} does not answer"
        return f"worker {number}: {answer.decode()}" if answer else ""

    async def _figures_of(self, number: int) -> Figures:
        answer = await _asked(self.folder, number, _FIGURES)
        return Figures.decode(answer).of_worker(str(number)) if answer else self._left(number)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            question = await reader.readline()
            told = (await self.ready()).encode() if question == _READY else self._keep().encode()
            writer.write(told)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async def _keep_forever(self) -> None:
        while True:
            try:
                self._keep()
            except OSError as error:
                logger.warning("figures are not written down: %s", error)
            await asyncio.sleep(KEEP_SECONDS)

    def _keep(self) -> Figures:
        """What this worker counted, written down before it is told: what was told once never becomes less."""
        now = summed([self._before, Figures.of(self.registry)])
        file = _file(self.folder, self.number)
        written = file.with_suffix(".new")
        written.write_bytes(now.counted().encode())
        written.replace(file)
        return now

    def _left(self, number: int) -> Figures:
        """What a worker wrote down last."""
        try:
            return Figures.decode(_file(self.folder, number).read_bytes())
        except FileNotFoundError:
            return Figures({})


async def _asked(folder: Path, number: int, question: bytes) -> bytes | None:
    """The answer of a worker; None where there is none in time."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_unix_connection(_socket(folder, number))
            try:
                writer.write(question)
                return await reader.read(_BYTES_MAX)
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return None


def _socket(folder: Path, number: int) -> Path:
    return folder / f"{number}.sock"


def _file(folder: Path, number: int) -> Path:
    return folder / f"{number}.figures"
