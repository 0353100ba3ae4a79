"""Rates held over all processes, in Redis; by this process alone while Redis is away. Hot path."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from time import monotonic
from typing import Any, Final, Protocol

from redis.exceptions import RedisError

from serving.access.buckets import Decision, LocalBuckets, Rate
from serving.deadline import deadline

logger = logging.getLogger(__name__)

AWAY_SECONDS: Final = 1.0
"""After a failure Redis is left alone for so long: only one request in that time waits for the deadline."""
_SCRIPT: Final = Path(__file__).with_name("take.lua").read_bytes()
_KEY: Final = b"shop:rate:"


class Link(Protocol):
    """Sends packed commands in one round trip, as the online store does."""

    async def send(self, keys: Sequence[bytes], commands: Sequence[bytes]) -> list[Any]:
        """Replies in order; an error reply stands there as the exception."""


class Limiter:
    """Buckets by name, in Redis as far as it answers.

    Args:
        rate: Of each bucket.
        local: Buckets for the time in which it does not.
        link: Link of the running event loop to Redis; None where there is none.
        deadline_seconds: How long a request waits for it.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        rate: Rate,
        local: LocalBuckets,
        link: Callable[[], AbstractContextManager[Link]] | None,
        deadline_seconds: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.rate = rate
        self._local = local
        self._link = link
        self._deadline_seconds = deadline_seconds
        self._clock = clock
        self._away_until = float("-inf")
        self._arguments = [
            b"%d" % round(seconds * 1e6) for seconds in (rate.interval_seconds, rate.depth_seconds)
        ]

    async def take(self, name: str) -> Decision:
        """One request of ``name``; never later than the deadline, never an error."""
        if self._link is None or self._clock() < self._away_until:
            return self._local.take(name)
        try:
            async with deadline(self._deadline_seconds):
                with self._link() as link:
                    return await self._asked(link, _KEY + name.encode())
        except (TimeoutError, OSError, RedisError) as error:
            self._away_until = self._clock() + AWAY_SECONDS
            logger.warning(
                "rates are held by each process alone, Redis does not answer: %s", error or "too slow"
            )
            return self._local.take(name)

    async def _asked(self, link: Link, key: bytes) -> Decision:
        (reply,) = await link.send([key], [_packed(b"EVAL", _SCRIPT, b"1", key, *self._arguments)])
        if isinstance(reply, Exception):
            raise reply
        allowed, microseconds = reply
        return self.rate.decide(microseconds / 1e6, allowed=bool(allowed))


def _packed(*arguments: bytes) -> bytes:
    """A command in Redis' notation (RESP)."""
    parts = b"".join(b"$%d\r\n%b\r\n" % (len(one), one) for one in arguments)
    return b"*%d\r\n%b" % (len(arguments), parts)
