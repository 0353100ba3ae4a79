"""Load on the prediction API: requests at a fixed rate, latency counted from each one's intended start.

python -m infra.load --url http://127.0.0.1:8000/predict --requests-per-second 100 --seconds 30 --bodies FILE --json FILE
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import uvloop

from infra.answers import Answer, Answers, rung_of
from infra.connection import Connections

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Target:
    """Where requests go.

    Attributes:
        url: `http://host:port/path`.
        body: Of the n-th request, JSON.
        name: Requests are called `<name>-<n>` (`X-Request-ID`); by default they have no names.
    """

    url: str
    body: Callable[[int], bytes]
    name: str | None = None

    def connections(self) -> Connections:
        """None of them open yet."""
        address = urlsplit(self.url)
        return Connections(address.hostname, address.port)

    async def ask(self, number: int, connections: Connections, due: float | None = None) -> Answer:
        """Send the n-th request; whatever goes wrong is the answer's status.

        Args:
            number: Which one.
            connections: One of them is used.
            due: When it was to be sent, by `time.monotonic`; by default now.
        """
        sent = time.monotonic()
        # A timer may be early by its resolution, a millisecond: that does not make an answer faster.
        due = sent if due is None else min(due, sent)
        late_ms = (sent - due) * 1e3
        name = f"{self.name}-{number}" if self.name else None
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                path = urlsplit(self.url).path
                reply, broken = await connections.post(path, self.body(number), name)
        except (OSError, asyncio.IncompleteReadError) as error:
            latency_ms = (time.monotonic() - due) * 1e3
            return Answer(number, due, late_ms, latency_ms, type(error).__name__, False, None, 0)
        latency_ms = (time.monotonic() - due) * 1e3
        rung = rung_of(reply.content)
        return Answer(number, due, late_ms, latency_ms, reply.status, reply.retry_after, rung, broken)


async def open_loop(
    target: Target, requests_per_second: float, seconds: float, ended: Callable[[], bool] = lambda: False
) -> Answers:
    """Requests at a fixed rate, however long the answers take.

    Args:
        target: Where to.
        requests_per_second: The rate.
        seconds: How long.
        ended: Asked before each request; True ends the load early.
    """
    answers, connections = Answers(), target.connections()

    async def one(number: int, due: float) -> None:
        answers.answers.append(await target.ask(number, connections, due))

    start = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(round(requests_per_second * seconds)):
            due = start + number / requests_per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if ended():
                break
            group.create_task(one(number, due))
    answers.seconds = time.monotonic() - start
    await connections.close()
    return answers


async def closed_loop(target: Target, connections: int, seconds: float) -> Answers:
    """Requests over so many connections, each sending its next one when its last was answered."""
    answers, numbers = Answers(), count()
    start = time.monotonic()

    async def client() -> None:
        own = target.connections()
        while time.monotonic() < start + seconds:
            answers.answers.append(await target.ask(next(numbers), own))
        await own.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    answers.seconds = time.monotonic() - start
    return answers


def in_turn(bodies: Sequence[bytes]) -> Callable[[int], bytes]:
    """The body of the n-th request: one after the other, then again from the first on."""
    return lambda number: bodies[number % len(bodies)]


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 when a request failed."""
    parser = argparse.ArgumentParser("python -m infra.load", description=__doc__)
    parser.add_argument("--url", required=True, help="http://127.0.0.1:PORT/predict")
    parser.add_argument("--requests-per-second", type=float, default=100)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument(
        "--bodies", type=Path, required=True, help="file with one JSON body a line, used in turn"
    )
    parser.add_argument("--json", type=Path, help="where to write the result")
    options = parser.parse_args(arguments)
    target = Target(options.url, in_turn(options.bodies.read_bytes().splitlines()))
    result = uvloop.run(open_loop(target, options.requests_per_second, options.seconds)).result()
    text = json.dumps(asdict(result))
    if options.json:
        options.json.write_text(text)
    print(text)
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
