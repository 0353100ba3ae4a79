"""Redis is away while messages pile up: the worker holds its place, its memory does not grow, and it catches up."""

import time
from pathlib import Path

import psutil
import pytest

from tests.chaos.shop import Shop
from tests.chaos.storm import Storm, storm
from tests.integration.ingestion.stream.worker_process import wait_for

MESSAGES = 50_000
MOST_READ = 5_000
"""SHOP_STREAM_BATCH_MAX_MESSAGES: the batch that waits for its rows to be pushed."""
MOST_GROWTH_BYTES = 64 * 1024 * 1024
"""What the Kafka client reads ahead is 32 MiB at most."""


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_nothing_is_dropped_and_memory_is_bounded_while_redis_is_away(shop: Shop, tmp_path: Path) -> None:
    """50,000 messages meet a worker that cannot push: it reads one batch of them and waits; afterwards all of them count."""
    with storm(tmp_path, shop, per_second=100) as now:
        now.awake()
        time.sleep(5)
        worker = now.crew.members["one"]
        process = psutil.Process(worker.process.pid)
        before, read = process.memory_info().rss, consumed(now)
        shop.redis.kill()
        now.feeder.pause()
        for sent in now.load.draw(time.time_ns() // 1000, MESSAGES):
            now.feeder.send(sent)
        now.feeder.flush()
        wait_for(lambda: worker.health().get("status") == "online store away", "the worker to wait")
        most = before
        for _ in range(50):
            most = max(most, process.memory_info().rss)
            time.sleep(0.1)
        now.tell(f"{(most - before) / 2**20:.0f} MiB more, {consumed(now) - read:.0f} messages read")
        assert consumed(now) - read <= MOST_READ
        assert most - before < MOST_GROWTH_BYTES
        shop.redis.restart()
        now.feeder.resume()
        now.end()


def consumed(now: Storm) -> float:
    """Messages that the worker has read."""
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in now.crew.members["one"].metrics().splitlines()
        if line.startswith("shop_stream_messages_consumed_total{")
    )
