"""A closed loop of HTTP requests: each connection sends its next one when its last was answered."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import uvloop

from infra.load import Connection
from tests.benchmarks.report import percentile


@dataclass
class Answers:
    """What came back.

    Attributes:
        seconds: Time of each answer, from the first byte sent to the last byte read.
        errors: Content of answers that were not 200.
        elapsed_seconds: Time of the whole run.
    """

    seconds: list[float] = field(default_factory=list)
    errors: list[bytes] = field(default_factory=list)
    elapsed_seconds: float = 0.0

    def __add__(self, other: "Answers") -> "Answers":
        return Answers(
            self.seconds + other.seconds,
            self.errors + other.errors,
            self.elapsed_seconds + other.elapsed_seconds,
        )

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.elapsed_seconds

    def milliseconds(self, share: float) -> float:
        """Percentile; ``share`` in [0, 1]."""
        return percentile(self.seconds, share) * 1000


def closed_loop(port: int, body: Callable[[int], bytes], *, connections: int, seconds: float) -> Answers:
    """``POST /predict`` over kept connections, each sending its next request when its last was answered.

    Args:
        port: On loopback.
        body: Of the n-th request.
        connections: How many at once.
        seconds: How long.
    """
    return uvloop.run(_closed_loop(port, body, connections, seconds))


async def _closed_loop(port: int, body: Callable[[int], bytes], connections: int, seconds: float) -> Answers:
    answers, numbers = Answers(), count()
    started = time.perf_counter()
    clients = [_client(port, body, numbers, started + seconds, answers) for _ in range(connections)]
    await asyncio.gather(*clients)
    answers.elapsed_seconds = time.perf_counter() - started
    return answers


async def _client(
    port: int, body: Callable[[int], bytes], numbers: Iterator[int], until: float, answers: Answers
) -> None:
    connection = await Connection.open("127.0.0.1", port)
    while time.perf_counter() < until:
        request = body(next(numbers))
        started = time.perf_counter()
        status, content = await connection.post("/predict", request)
        answers.seconds.append(time.perf_counter() - started)
        if status != "200":
            answers.errors.append(content)
    await connection.close()
