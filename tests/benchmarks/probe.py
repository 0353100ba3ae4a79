"""Looks from outside when an event's effect can be read: polls Redis for the rows of sampled events."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import redis

from infra.services.ports import host_and_port
from ingestion.stores.redis_online import timestamps

POLL_SECONDS = 0.004
PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class Sample:
    """An event whose effect is waited for.

    Attributes:
        due_us: When it is sent, Unix microseconds; it is looked for from then on.
        event_us: When it happened: the row of its entity is newer once it has taken effect.
        key: Redis key of the entity.
        field: Field with the row's timestamp.
    """

    due_us: int
    event_us: int
    key: bytes
    field: bytes


@contextmanager
def probing(address: str, samples: Sequence[Sample]) -> Iterator["Future[list[float]]"]:
    """Seconds from each event until it could be read, measured by a process of its own; infinite where it never could."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        pool.submit(time.time).result()
        yield pool.submit(_probe, address, samples)


def _probe(address: str, samples: Sequence[Sample]) -> list[float]:
    host, port = host_and_port(address)
    to_come, pending = sorted(samples, key=lambda sample: -sample.due_us), []
    found: list[float] = []
    end = max(sample.due_us for sample in samples) / 1e6 + PATIENCE_SECONDS
    with redis.Redis(host, port) as client:
        while (to_come or pending) and time.time() < end:
            while to_come and to_come[-1].due_us <= time.time() * 1e6:
                pending.append(to_come.pop())
            readable = _readable(client, pending)
            now = time.time()
            found += [now - sample.event_us / 1e6 for sample in readable]
            pending = [sample for sample in pending if sample not in readable]
            time.sleep(POLL_SECONDS)
    return found + [float("inf")] * (len(to_come) + len(pending))


def _readable(client: redis.Redis, pending: Sequence[Sample]) -> list[Sample]:
    with client.pipeline(transaction=False) as pipeline:
        for sample in pending:
            pipeline.hget(sample.key, sample.field)
        stored = pipeline.execute()
    return [s for s, value in zip(pending, stored, strict=True) if value and _micros(value) > s.event_us]


def _micros(stored: bytes) -> int:
    seconds, nanos = timestamps.decode(stored)
    return seconds * 1_000_000 + nanos // 1000
