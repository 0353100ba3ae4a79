"""Erasures for as long as the API runs. Control path."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from feast import FeatureStore

from serving.erasures.desk import ErasureDesk, online_eraser
from serving.erasures.known import KnownErasures
from serving.erasures.topics import ErasureTopics
from serving.settings import ServingSettings


@asynccontextmanager
async def open_erasures(
    settings: ServingSettings, store: FeatureStore, forget: Callable[[str], None]
) -> AsyncIterator[ErasureDesk]:
    """A desk; meanwhile what other processes are asked for is read, too.

    Args:
        settings: Says where the brokers are; where it knows of none, nothing can be asked for.
        store: Whose online store is erased.
        forget: Forgets somebody in this process; called in the event loop.
    """
    loop = asyncio.get_running_loop()
    known = KnownErasures(lambda user_id: _soon(loop, forget, user_id))
    kafka, topics = settings.known_kafka(), None
    if kafka is not None:
        names = (settings.erasures_topic, settings.erasure_receipts_topic)
        topics = ErasureTopics(kafka, *names, settings.erasures_timeout_seconds, known)
        topics.start()
    try:
        yield ErasureDesk(topics, known, online_eraser(store), forget, lambda: time.time_ns() // 1000)
    finally:
        if topics is not None:
            await asyncio.to_thread(topics.close)


def _soon(loop: asyncio.AbstractEventLoop, forget: Callable[[str], None], user_id: str) -> None:
    loop.call_soon_threadsafe(forget, user_id)
