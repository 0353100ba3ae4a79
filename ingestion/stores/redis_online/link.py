"""Sending packed commands to Redis and reading their replies in one round trip. Hot path.

The client library packs each argument of each command anew; here commands come packed, and whoever packed them kept
what stays the same. Every command touches one key or keys of one slot, and must bear being sent twice: after a lost connection all commands
of a round trip are sent again.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Protocol

import hiredis
import numpy as np
from numpy.typing import NDArray
from redis.backoff import ExponentialBackoff
from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, RedisError, ResponseError, TryAgainError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ingestion.stores.redis_online.channel import Channel, opened
from ingestion.stores.redis_online.ragged import Bytes

PAUSES = ExponentialBackoff(cap=0.25, base=0.02)
"""Seconds between two attempts."""

_LOST = (RedisConnectionError, RedisTimeoutError)
_ELSEWHERE = (MovedError, AskError, TryAgainError, ClusterDownError)


class Link(Protocol):
    """One or many servers to which commands are sent.

    Attributes:
        client: The client library's client, for all that is not hot.
        helpers: Clients it was made with: those of the sentinels.
    """

    client: Any
    helpers: Sequence[Any]

    def slots(self, keys: Bytes) -> NDArray[np.int64] | None:
        """Slot of each key, [keys]: one command may touch keys of one slot only; None: of any."""

    def send(self, keys: Sequence[bytes], commands: Sequence[bytes]) -> list[Any]:
        """Replies in the order of the commands; an error reply stands there as the exception."""


class AsyncLink(Protocol):
    """As Link, for one event loop."""

    client: Any
    helpers: Sequence[Any]

    async def close(self) -> None:
        """Close all connections."""

    async def send(self, keys: Sequence[bytes], commands: Sequence[bytes]) -> list[Any]:
        """Replies in the order of the commands; an error reply stands there as the exception."""


class ServerLink:
    """A single server, or the master that sentinels name."""

    def __init__(self, client: Any, attempts: int, helpers: Sequence[Any] = ()) -> None:
        self.client = client
        self.helpers = helpers
        self._attempts = attempts

    def slots(self, keys: Bytes) -> None:
        """See Link."""

    def send(self, keys: Sequence[bytes], commands: Sequence[bytes]) -> list[Any]:  # noqa: ARG002  one server holds all keys
        """See Link."""
        return exchange(self.client.connection_pool, b"".join(commands), len(commands), self._attempts)


class ClusterLink:
    """A cluster: one round trip to each node that holds a key."""

    def __init__(self, client: Any, attempts: int) -> None:
        self.client = client
        self.helpers: Sequence[Any] = ()
        self._attempts = attempts

    def slots(self, keys: Bytes) -> NDArray[np.int64]:
        """See Link."""
        return np.fromiter(map(key_slot, keys.to_pylist()), np.int64, len(keys))

    def send(self, keys: Sequence[bytes], commands: Sequence[bytes]) -> list[Any]:
        """See Link."""
        replies: list[Any] = [None] * len(commands)
        for node, positions in self._by_node(keys).items():
            packed = b"".join(commands[i] for i in positions)
            pool = self.client.get_redis_connection(node).connection_pool
            answered = exchange(pool, packed, len(positions), self._attempts)
            for i, reply in zip(positions, answered, strict=True):
                replies[i] = self._elsewhere(commands[i]) if isinstance(reply, _ELSEWHERE) else reply
        return replies

    def _by_node(self, keys: Sequence[bytes]) -> dict[Any, list[int]]:
        nodes = defaultdict(list)
        for i, key in enumerate(keys):
            nodes[self.client.get_node_from_key(key)].append(i)
        return nodes

    def _elsewhere(self, command: bytes) -> Any:
        # The client library follows redirections and learns the new layout from them.
        try:
            return self.client.execute_command(*arguments(command))
        except ResponseError as error:
            return error


class AsyncServerLink:
    """A single server, or the master that sentinels name, within one event loop: one connection for all requests."""

    def __init__(
        self, client: Any, attempts: int, deadline_seconds: float, helpers: Sequence[Any] = ()
    ) -> None:
        self.client = client
        self.helpers = helpers
        self._attempts = attempts
        self._deadline_seconds = deadline_seconds
        self._opening = asyncio.Lock()
        self._channel: Channel | None = None

    async def send(self, keys: Sequence[bytes], commands: Sequence[bytes]) -> list[Any]:  # noqa: ARG002  one server holds all keys
        """See Link."""
        if not commands:
            return []
        packed = b"".join(commands)
        for failures in range(1, self._attempts):
            try:
                return await self._once(packed, len(commands))
            except _LOST:
                await asyncio.sleep(PAUSES.compute(failures))
        return await self._once(packed, len(commands))

    async def close(self) -> None:
        """See AsyncLink."""
        if self._channel is not None:
            await self._channel.close()
        for client in (self.client, *self.helpers):
            await client.aclose()

    async def _once(self, packed: bytes, count: int) -> list[Any]:
        channel = self._channel
        if channel is None or not channel.usable:
            channel = await self._opened()
        replies = await channel.ask(packed, count)
        if isinstance(replies[0], RedisConnectionError):
            # The server answers, but still loads its file.
            raise replies[0]
        return replies

    async def _opened(self) -> Channel:
        async with self._opening:
            if self._channel is None or not self._channel.usable:
                self._channel = await opened(self.client.connection_pool, self._deadline_seconds)
            return self._channel


class AsyncClusterLink:
    """A cluster within one event loop; the client library's pipeline sorts the commands by node."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.helpers: Sequence[Any] = ()

    async def send(self, keys: Sequence[bytes], commands: Sequence[bytes]) -> list[Any]:  # noqa: ARG002  the pipeline finds the node
        """See Link."""
        pipeline = self.client.pipeline()
        for command in commands:
            pipeline.execute_command(*arguments(command))
        return list(await pipeline.execute(raise_on_error=False))

    async def close(self) -> None:
        """See AsyncLink."""
        await self.client.aclose()


def exchange(pool: Any, packed: bytes, replies: int, attempts: int) -> list[Any]:
    """Send over one connection of the pool and read so many replies."""
    for failures in range(1, attempts):
        try:
            return _once(pool, packed, replies)
        except _LOST:
            time.sleep(PAUSES.compute(failures))
    return _once(pool, packed, replies)


def checked(replies: list[Any]) -> list[Any]:
    """The replies, if none of them is an error.

    Raises:
        redis.exceptions.RedisError: the first error among them.
    """
    for reply in replies:
        if isinstance(reply, RedisError):
            raise reply
    return replies


def arguments(command: bytes) -> tuple[str | bytes, ...]:
    """A packed command taken apart again, its name as text; commands and replies share one notation."""
    reader = hiredis.Reader()
    reader.feed(command)
    name, *rest = reader.gets()
    return name.decode(), *rest


def _once(pool: Any, packed: bytes, replies: int) -> list[Any]:
    connection = pool.get_connection()
    try:
        connection.send_packed_command([packed])
        return [_reply(connection) for _ in range(replies)]
    except BaseException:
        # Unread replies would be taken for those of the next commands.
        connection.disconnect()
        raise
    finally:
        pool.release(connection)


def _reply(connection: Any) -> Any:
    try:
        return connection.read_response(disable_decoding=True)
    except ResponseError as error:
        return error
