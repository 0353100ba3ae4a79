"""Load at a fixed rate on a real server of a few lines."""

import asyncio
from collections.abc import Awaitable, Callable

from infra.load import Connection, LoadResult, fire

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answering(status: str, requests_a_connection: int = 1_000) -> Handler:
    """Answers every request so, and hangs up after some."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(requests_a_connection):
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                break
            await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0]))
            writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}".encode())
        writer.close()

    return handle


def fired(handler: Handler, **load: float) -> LoadResult:
    """Result of a load on a server with this handler."""

    async def run() -> LoadResult:
        async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await fire(f"http://127.0.0.1:{port}/predict", [b"{}"], **load)

    return asyncio.run(run())


def test_every_request_of_the_rate_is_answered_and_counted() -> None:
    """A hundred a second for a fifth of a second are twenty."""
    result = fired(answering("200 OK"), requests_per_second=100, seconds=0.2)
    assert result.statuses == {"200": 20}
    assert result.failed == 0
    assert 0 < result.p50_ms <= result.p99_ms <= result.max_ms


def test_a_connection_that_the_server_closed_is_no_failure() -> None:
    """The next one is tried, as HTTP has it."""
    result = fired(answering("200 OK", requests_a_connection=1), requests_per_second=100, seconds=0.2)
    assert result.statuses == {"200": 20}


def test_an_answer_that_is_not_200_is_a_failure() -> None:
    """Counted by its status."""
    result = fired(answering("503 Service Unavailable"), requests_per_second=100, seconds=0.1)
    assert (result.statuses, result.failed) == ({"503": 10}, 10)


def test_a_post_returns_status_and_content() -> None:
    """Whatever the case of the header's name."""

    async def run() -> tuple[str, bytes]:
        async with await asyncio.start_server(answering("200 OK"), "127.0.0.1", 0) as server:
            connection = await Connection.open("127.0.0.1", server.sockets[0].getsockname()[1])
            answer = await connection.post("/predict", b"{}")
            await connection.close()
            return answer

    assert asyncio.run(run()) == ("200", b"{}")
