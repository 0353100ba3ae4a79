"""One connection to Redis within an event loop, shared by all requests of that loop. Hot path.

Requests are written as they come and their replies are told apart by their order, as Redis promises it. So no request
waits for a connection, and one that is given up leaves its replies to be read and dropped. The client library opens the
connection (TLS, login, database, the master that sentinels name); from then on its bytes come here, since its streams
and its timer for each reply take half of the time of a read.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError


@dataclass
class _Request:
    answer: asyncio.Future[list[Any]]
    count: int
    deadline: float
    replies: list[Any] = field(default_factory=list)


class Channel(asyncio.Protocol):
    """A connection that has been opened; see ``opened``.

    Args:
        connection: The client library's connection, ready for commands.
        deadline_seconds: How long the replies of one request may take.
    """

    def __init__(self, connection: Any, deadline_seconds: float) -> None:
        self._connection = connection
        self._deadline_seconds = deadline_seconds
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Request] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._reader = hiredis.Reader(replyError=connection._parser.parse_error)  # noqa: SLF001  its codes and classes
        self._transport: asyncio.Transport = connection._writer.transport  # noqa: SLF001  there is no other way to it
        self._streams = self._transport.get_protocol()
        self._transport.set_protocol(self)

    @property
    def usable(self) -> bool:
        """Whether a request can be sent."""
        return not self._transport.is_closing()

    async def ask(self, packed: bytes, count: int) -> list[Any]:
        """Send packed commands and return so many replies; an error reply stands there as the exception.

        Raises:
            redis.exceptions.ConnectionError: if the connection is lost before all are there.
            redis.exceptions.TimeoutError: if they take too long.
        """
        request = _Request(self._loop.create_future(), count, self._loop.time() + self._deadline_seconds)
        self._waiting.append(request)
        self._transport.write(packed)
        if self._timer is None:
            self._timer = self._loop.call_at(request.deadline, self._look_at_the_clock)
        return await request.answer

    async def close(self) -> None:
        """Close the connection; requests that wait are given up."""
        if self._timer is not None:
            self._timer.cancel()
        await self._connection.disconnect()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._reader.feed(data)
        while self._waiting:
            request = self._waiting[0]
            if not self._take_replies(request):
                return
            self._waiting.popleft()
            if not request.answer.done():
                request.answer.set_result(request.replies)

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._give_up(RedisConnectionError(f"connection closed by the server{f': {error}' if error else ''}"))
        self._streams.connection_lost(error)

    def _take_replies(self, request: _Request) -> bool:
        replies, reply = request.replies, self._reader.gets
        while len(replies) < request.count:
            taken = reply()
            if taken is False:
                return False
            replies.append(taken)
        return True

    def _look_at_the_clock(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        first = self._waiting[0].deadline
        if first > self._loop.time():
            self._timer = self._loop.call_at(first, self._look_at_the_clock)
        else:
            self._give_up(RedisTimeoutError(f"no answer within {self._deadline_seconds:g} s"))
            self._transport.abort()

    def _give_up(self, error: Exception) -> None:
        while self._waiting:
            answer = self._waiting.popleft().answer
            if not answer.done():
                answer.set_exception(error)


async def opened(pool: Any, deadline_seconds: float) -> Channel:
    """A connection of its own, made as those of the client library's pool are made.

    Raises:
        redis.exceptions.ConnectionError: if the server is not reached or refuses the login.
        redis.exceptions.TimeoutError: if it takes too long.
    """
    connection = pool.make_connection()
    try:
        await connection.connect()
    except BaseException:
        # Cancelled in the middle of the login, it would stay open until it is collected as garbage.
        await connection.disconnect(nowait=True)
        raise
    return Channel(connection, deadline_seconds)
