"""Load on the prediction API: requests at a fixed rate, latency counted from each one's intended start.

python -m infra.load --url http://127.0.0.1:8000 --requests-per-second 100 --seconds 30 --bodies FILE --json FILE

A plain HTTP/1.1 client over asyncio streams, so that the client does not take the time that it measures.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class LoadResult:
    """What a run of requests came to; latencies in milliseconds from the intended start."""

    requests: int
    seconds: float
    statuses: dict[str, int]
    p50_ms: float
    p99_ms: float
    max_ms: float

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        """Requests without a 200."""
        return sum(count for status, count in self.statuses.items() if status != "200")


@dataclass(frozen=True)
class Connection:
    """A keep-alive connection; one request at a time."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @classmethod
    async def open(cls, host: str | None, port: int | None) -> "Connection":
        """Connect.

        Raises:
            OSError: nobody listens there.
        """
        return cls(*await asyncio.open_connection(host, port))

    async def post(self, path: str, body: bytes) -> tuple[str, bytes]:
        """Status and content of the answer."""
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await self.reader.readuntil(b"\r\n\r\n")
        _, _, after = answer.lower().partition(b"content-length:")
        content = await self.reader.readexactly(int(after.partition(b"\r\n")[0]))
        return answer.split(b" ", 2)[1].decode(), content

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        await self.writer.wait_closed()


async def fire(url: str, bodies: Sequence[bytes], requests_per_second: float, seconds: float) -> LoadResult:
    """POST the bodies in turn to `url` at a fixed rate.

    Raises:
        OSError: the API cannot be reached at all.
    """
    address = urlsplit(url)
    idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
    total = int(requests_per_second * seconds)
    latencies_ms = np.zeros(total)
    statuses: Counter[str] = Counter()

    async def status(body: bytes) -> str:
        while not idle.empty():
            used = idle.get_nowait()
            try:
                answer, _ = await used.post(address.path, body)
            except (asyncio.IncompleteReadError, ConnectionError):
                # The server closes connections that were idle for long; as HTTP has it, the next one is tried.
                used.writer.close()
            else:
                idle.put_nowait(used)
                return answer
        used = await Connection.open(address.hostname, address.port)
        answer, _ = await used.post(address.path, body)
        idle.put_nowait(used)
        return answer

    async def one(number: int, intended: float) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                statuses[await status(bodies[number % len(bodies)])] += 1
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            statuses[type(error).__name__] += 1
        latencies_ms[number] = (time.perf_counter() - intended) * 1e3

    idle.put_nowait(await Connection.open(address.hostname, address.port))
    start = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(total):
            intended = start + number / requests_per_second
            await asyncio.sleep(max(0.0, intended - time.perf_counter()))
            group.create_task(one(number, intended))
    elapsed = time.perf_counter() - start
    while not idle.empty():
        await idle.get_nowait().close()
    p50, p99, longest = np.percentile(latencies_ms, [50, 99, 100])
    return LoadResult(total, elapsed, dict(statuses), float(p50), float(p99), float(longest))


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
    bodies = options.bodies.read_bytes().splitlines()
    result = asyncio.run(fire(options.url, bodies, options.requests_per_second, options.seconds))
    text = json.dumps(asdict(result))
    if options.json:
        options.json.write_text(text)
    print(text)
    return 1 if result.failed else 0


if __name__ == "__main__":
    sys.exit(main())
