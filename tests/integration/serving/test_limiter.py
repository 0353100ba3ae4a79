import asyncio
import os
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from ingestion.stores.redis_online.address import Address
from ingestion.stores.redis_online.connections import Connections
from serving.access.buckets import LocalBuckets, Rate
from serving.access.limiter import Limiter
from tests.services import RunningRedis

DEADLINE_SECONDS = 0.02
SLOW = Rate(0.01, 5)
"""Nothing trickles in while a test runs."""


def connections_of(redis: RunningRedis) -> Connections:
    """As an online store makes them."""
    return Connections("redis", Address(((redis.host, redis.port),), "the test"), "", 1, 1.0, 1.0)


def limiter_of(connections: Connections, rate: Rate = SLOW) -> Limiter:
    return Limiter(rate, LocalBuckets(rate, 100), connections.async_link, DEADLINE_SECONDS)


def run(redis: RunningRedis, story: Callable[[Connections], Awaitable[None]]) -> None:
    async def whole() -> None:
        connections = connections_of(redis)
        # The first command connects, which may take longer than a request may wait.
        with connections.async_link() as link:
            await link.send([b""], [b"*1\r\n$4\r\nPING\r\n"])
        try:
            await story(connections)
        finally:
            await connections.close()

    asyncio.run(whole())


@contextmanager
def hanging(redis: RunningRedis) -> Iterator[None]:
    """The server takes connections and bytes, and says nothing."""
    pid = redis.service.supervisor.pid(redis.service.name)
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_several_processes_share_one_bucket(redis_server: RunningRedis) -> None:
    """Five requests at once, whoever is asked."""

    async def story(connections: Connections) -> None:
        name = uuid.uuid4().hex
        first, second = limiter_of(connections), limiter_of(connections)
        decisions = await asyncio.gather(*(limiter.take(name) for limiter in [first, second] * 4))
        assert sum(decision.allowed for decision in decisions) == SLOW.burst
        assert sorted(d.remaining for d in decisions if d.allowed) == [0, 1, 2, 3, 4]
        refused = [decision for decision in decisions if not decision.allowed]
        assert all(90 < decision.wait_seconds <= 100 for decision in refused)

    run(redis_server, story)


def test_redis_decides_as_the_local_bucket_does(redis_server: RunningRedis) -> None:
    """A refused one waits as long as it is told, then is let through; the bucket is forgotten once it is full."""

    async def story(connections: Connections) -> None:
        name, limiter = uuid.uuid4().hex, limiter_of(connections, Rate(10, 1))
        assert (await limiter.take(name)).allowed
        refused = await limiter.take(name)
        assert not refused.allowed
        assert 0 < refused.wait_seconds <= 0.1
        with redis_server.client() as client:
            assert 0 < client.pttl(f"shop:rate:{name}") <= 100
        await asyncio.sleep(refused.wait_seconds)
        assert (await limiter.take(name)).allowed

    run(redis_server, story)


def test_a_hanging_redis_holds_one_request_up_until_the_deadline(
    own_redis: RunningRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """The local bucket decides, and Redis is left alone for a second."""

    async def story(connections: Connections) -> None:
        name, limiter = uuid.uuid4().hex, limiter_of(connections)
        assert (await limiter.take(name)).allowed
        with hanging(own_redis):
            started = time.monotonic()
            decisions = [await limiter.take(name) for _ in range(SLOW.burst + 1)]
            assert time.monotonic() - started < 10 * DEADLINE_SECONDS
            assert [decision.allowed for decision in decisions] == [True] * SLOW.burst + [False]
        assert caplog.text.count("rates are held by each process alone") == 1

    run(own_redis, story)


def test_a_busy_event_loop_is_not_blamed_on_redis(
    redis_server: RunningRedis, caplog: pytest.LogCaptureFixture
) -> None:
    """Asked ── reply comes ── deadline ── the loop is free again: Redis has decided."""

    async def story(connections: Connections) -> None:
        limiter = limiter_of(connections)
        taken = asyncio.create_task(limiter.take(uuid.uuid4().hex))
        await asyncio.sleep(0)
        time.sleep(2 * DEADLINE_SECONDS)  # noqa: ASYNC251  the loop is busy
        assert (await taken).allowed
        assert caplog.text == ""

    run(redis_server, story)


def test_redis_decides_again_when_it_is_back(own_redis: RunningRedis) -> None:
    """Within about a second; a bucket that was full before still is."""

    async def story(connections: Connections) -> None:
        limiter = limiter_of(connections)
        assert (await limiter.take("a")).remaining == SLOW.burst - 1
        with hanging(own_redis):
            await limiter.take("a")
        async with asyncio.timeout(10):
            while True:
                with own_redis.client() as client:
                    before = client.get("shop:rate:a")
                    await limiter.take("a")
                    if client.get("shop:rate:a") != before:
                        break
                await asyncio.sleep(0.05)

    run(own_redis, story)


def test_without_redis_the_process_decides_alone(own_redis: RunningRedis) -> None:
    """A server that is gone is no error either."""

    async def story(connections: Connections) -> None:
        limiter = limiter_of(connections)
        await limiter.take("a")
        own_redis.kill()
        assert [(await limiter.take("a")).allowed for _ in range(6)] == [True] * 5 + [False]

    run(own_redis, story)
