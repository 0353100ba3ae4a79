"""The connections of one store: made when first needed, one link for threads and one for each event loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from ingestion.stores.redis_online.address import Address, reaching
from ingestion.stores.redis_online.clients import connect, connect_async
from ingestion.stores.redis_online.link import AsyncLink, Link
from ingestion.stores.redis_online.resp import bulk, head

_KNOWS_FIELD_EXPIRY: Final = head(3) + b"".join(map(bulk, (b"COMMAND", b"INFO", b"HPEXPIREAT")))


@dataclass
class Connections:
    """Links to one Redis.

    Attributes:
        kind: ``redis``, ``redis_cluster`` or ``redis_sentinel``.
        address: Where it is.
        master: Name of the master that sentinels are asked for.
        attempts: How often a command is sent before it counts as failed.
        connect_timeout_seconds: How long one connection may take.
        read_timeout_seconds: How long one reply may take.
    """

    kind: str
    address: Address
    master: str
    attempts: int
    connect_timeout_seconds: float
    read_timeout_seconds: float
    _lock: Lock = field(default_factory=Lock)
    _link: Link | None = None
    _field_expiry: bool | None = None
    _by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncLink] = field(
        default_factory=WeakKeyDictionary
    )

    @contextmanager
    def link(self) -> Iterator[Link]:
        """The link for threads.

        Raises:
            RedisUnavailableError: if the server is not reached in the block.
        """
        with reaching(self.address, self._tried):
            with self._lock:
                if self._link is None:
                    self._link = connect(
                        self.kind,
                        self.address,
                        master=self.master,
                        attempts=self.attempts,
                        timeouts=self._timeouts,
                    )
            yield self._link

    def field_expiry(self) -> bool:
        """Whether the server lets single fields of a hash expire (Redis 7.4, Valkey 9); asked once per link.

        Raises:
            RedisUnavailableError: if the server is not reached.
        """
        if self._field_expiry is None:
            with self.link() as link:
                (known,) = link.send([b""], [_KNOWS_FIELD_EXPIRY])
            self._field_expiry = isinstance(known, list) and bool(known[0])
        return self._field_expiry

    @contextmanager
    def async_link(self) -> Iterator[AsyncLink]:
        """The link of the running event loop.

        Raises:
            RedisUnavailableError: if the server is not reached in the block.
        """
        loop = asyncio.get_running_loop()
        with reaching(self.address, self._tried):
            if loop not in self._by_loop:
                self._by_loop[loop] = connect_async(
                    self.kind,
                    self.address,
                    master=self.master,
                    attempts=self.attempts,
                    timeouts=self._timeouts,
                )
            yield self._by_loop[loop]

    async def close(self) -> None:
        """Close the link for threads and that of the running event loop."""
        of_loop = self._by_loop.pop(asyncio.get_running_loop(), None)
        if of_loop is not None:
            await of_loop.close()
        self.close_link()

    def close_link(self) -> None:
        """Close the link for threads; it is made anew when it is needed again."""
        with self._lock:
            for client in () if self._link is None else (self._link.client, *self._link.helpers):
                client.close()
            self._link = self._field_expiry = None

    @property
    def _timeouts(self) -> dict[str, float]:
        return {
            "socket_connect_timeout": self.connect_timeout_seconds,
            "socket_timeout": self.read_timeout_seconds,
        }

    @property
    def _tried(self) -> str:
        return (
            f"{self.attempts} times, {self.connect_timeout_seconds:g} s to connect "
            f"and {self.read_timeout_seconds:g} s for a reply each"
        )
