"""A deadline that does not blame the other side for our own pauses. Hot path."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

GRACE_SECONDS = 0.005
"""The end of a deadline, kept for what has arrived while the event loop was busy with something else."""


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """As ``asyncio.timeout``, but a loop that was busy until then looks at its sockets once more.

    An event loop calls timers before it reads: a reply that came while a large batch was encoded would be late otherwise.

    Raises:
        TimeoutError: if the block takes longer.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        last = loop.call_later(
            max(0.0, seconds - GRACE_SECONDS), lambda: limit.reschedule(loop.time() + GRACE_SECONDS)
        )
        try:
            yield
        finally:
            last.cancel()
