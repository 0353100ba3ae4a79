import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
import uvicorn

from serving.edge.drain import ClosingConnections, Drain, DrainingServer
from serving.edge.protocol import bounded

HEADERS, HEAD_BYTES, HEAD_SECONDS = 8, 1024, 0.3
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


def served(story: Callable[[DrainingServer, Callable[[], Awaitable[Stream]]], Awaitable[None]]) -> None:
    """Run a server, the story with ways to connect to it, and the end of the server."""

    async def whole() -> None:
        drain = Drain()
        listening = socket.create_server(("127.0.0.1", 0))
        address = listening.getsockname()
        config = uvicorn.Config(
            ClosingConnections(hello, drain),
            http=bounded(HEADERS, HEAD_BYTES, HEAD_SECONDS),
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=5,
        )
        server = DrainingServer(config, drain, 0.2)
        running = asyncio.create_task(server._serve([listening]))
        async with asyncio.timeout(20):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.01)
            await story(server, lambda: asyncio.open_connection(*address))
            server.should_exit = True
            await running

    asyncio.run(whole())


async def status_of(stream: Stream, sent: bytes) -> tuple[int, dict[str, Any] | None, bool]:
    """Status, problem, and whether the server closed the connection."""
    reader, writer = stream
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    body = await reader.readexactly(length)
    closing = "connection: close" in head
    if closing:
        assert await reader.read() == b""
        writer.close()
    assert ("x-content-type-options: nosniff" in head) == ("problem+json" in head)
    return int(head.split()[1]), orjson.loads(body) if "problem+json" in head else None, closing


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 200),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: x\r\n" % i for i in range(HEADERS)) + b"\r\n", 200),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"h%d: x\r\n" % i for i in range(HEADERS + 1)) + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nh: " + b"x" * HEAD_BYTES + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nh: " + b"x" * 10 * HEAD_BYTES, 431),
        (b"GET /" + b"x" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: ", 408),
        (b"not http at all\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
    ],
)
def test_a_head_beyond_its_bounds_is_a_problem_and_ends_the_connection(sent: bytes, status: int) -> None:
    """Others are answered and keep it."""

    async def story(_: DrainingServer, connect: Callable[[], Awaitable[Stream]]) -> None:
        stream = await connect()
        found, problem, closed = await status_of(stream, sent)
        assert found == status
        assert closed == (status != 200)
        if problem:
            assert problem["status"] == status
            assert len(problem["request_id"]) == 32
        stream[1].close()

    served(story)


def test_bounds_hold_for_each_request_of_a_connection() -> None:
    """And pauses between requests are not counted."""

    async def story(_: DrainingServer, connect: Callable[[], Awaitable[Stream]]) -> None:
        stream = await connect()
        request = b"GET / HTTP/1.1\r\nh: " + b"x" * (HEAD_BYTES // 2) + b"\r\n\r\n"
        for _ in range(4):
            assert (await status_of(stream, request))[0] == 200
        await asyncio.sleep(2 * HEAD_SECONDS)
        assert (await status_of(stream, request))[0] == 200
        stream[1].close()

    served(story)


def test_a_connection_that_says_nothing_is_closed() -> None:
    """Without an answer: nothing was asked."""

    async def story(_: DrainingServer, connect: Callable[[], Awaitable[Stream]]) -> None:
        reader, writer = await connect()
        assert await reader.read() == b""
        writer.close()

    served(story)


def test_once_the_end_begins_answers_close_their_connections() -> None:
    """Those who come until the server stops listening are still answered."""

    async def story(server: DrainingServer, connect: Callable[[], Awaitable[Stream]]) -> None:
        request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
        stream = await connect()
        assert await status_of(stream, request) == (200, None, False)
        server.end()
        assert await status_of(stream, request) == (200, None, True)
        assert await status_of(await connect(), request) == (200, None, True)

    served(story)


def test_who_is_connected_when_the_server_stops_listening_is_answered() -> None:
    """Also one whom it has not taken in yet."""

    async def story(server: DrainingServer, connect: Callable[[], Awaitable[Stream]]) -> None:
        server.should_exit = True
        # The server looks at this every tenth of a second; until then and a little longer clients come.
        for _ in range(30):
            try:
                stream = await connect()
            except ConnectionRefusedError:
                break
            assert (await status_of(stream, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"))[0] == 200
            stream[1].close()

    served(story)
