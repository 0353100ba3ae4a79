import asyncio
import time
from typing import Any

import pytest
import uvloop

from serving.deadline import deadline


def test_a_block_that_takes_longer_is_cancelled() -> None:
    """After its seconds, not much later."""

    async def story() -> float:
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with deadline(0.05):
                await asyncio.Event().wait()
        return time.monotonic() - started

    assert 0.04 < asyncio.run(story()) < 1


def test_a_block_that_ends_in_time_leaves_nothing_behind() -> None:
    """Its caller is not cancelled later."""

    async def story() -> None:
        async with deadline(0.02):
            pass
        await asyncio.sleep(0.05)

    asyncio.run(story())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_came_while_the_loop_was_busy_is_in_time(run: Any) -> None:
    """Bytes wait in the socket when the deadline is over.

    ask ── reply comes ── deadline ── loop is free again: the reply is read
         └────── the loop is busy ──────┘
    """

    async def story() -> bytes:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readexactly(1)
            writer.write(b"!")
            await writer.drain()
            time.sleep(0.1)  # noqa: ASYNC251  the loop is busy
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
            writer.write(b"?")
            async with deadline(0.05):
                found = await reader.readexactly(1)
            writer.close()
            return found

    assert run(story()) == b"!"
