import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.api_process import RunningApi, running_api, wait_until
from tests.integration.serving.metrics import sample
from tests.services import RunningRedis
from tests.serving_shop import serving_shop

HANGING_SECONDS = 10.0
CLIENTS = 6
KNOWN = 20
"""Customers with features; every other one that asks has none."""


@dataclass
class Load:
    """What clients were answered, in order of their answers.

    Attributes:
        statuses: How often each.
        rungs: How often each; None is live.
        slowest: Seconds.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    rungs: Counter[str | None] = field(default_factory=Counter)
    slowest: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self, url: str, client_number: int) -> None:
        """Ask for a prediction, every tenth time for recommendations, until stopped."""
        with httpx.Client(base_url=url, timeout=30) as client:
            number = client_number
            while not self.stop.is_set():
                number += CLIENTS
                started = time.monotonic()
                answer = self._ask(client, number)
                self.slowest = max(self.slowest, time.monotonic() - started)
                self.statuses[answer.status_code] += 1
                self.rungs[answer.json().get("degraded")] += 1

    @staticmethod
    def _ask(client: httpx.Client, number: int) -> httpx.Response:
        user = f"user_{number % (2 * KNOWN):04}"
        if number % 10 == 0:
            return client.get(f"/recommendations/{user}")
        product = f"prod_{number % KNOWN:04}"
        return client.post(
            "/predict", json={"user_id": user, "product_id": product, "transaction_amount": 9.5}
        )


@contextmanager
def load(api: RunningApi) -> Iterator[Load]:
    """Clients that ask as fast as they are answered."""
    running = Load()
    clients = [threading.Thread(target=running.run, args=(api.url, number)) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        yield running
    finally:
        running.stop.set()
        for client in clients:
            client.join()


def test_a_redis_that_hangs_under_load_costs_no_answer(own_redis: RunningRedis, tmp_path: Path) -> None:
    """Every request is answered, from memory or from what is typical; then everything is live again.

    live ─── SIGSTOP ─── 10 s: remembered, typical, rules ─── SIGCONT ─── live
    """
    shop = serving_shop(tmp_path / "shop", own_redis.address, project="hanging", users=KNOWN)
    with own_redis.client() as client:
        redis = int(client.info()["process_id"])
    with running_api(shop, tmp_path) as api:
        process = psutil.Process(api.process.pid)
        with load(api) as before:
            wait_until(lambda: before.statuses[200] > 500, "answers with Redis")
        assert set(before.rungs) == {None}
        files = process.num_fds()
        os.kill(redis, signal.SIGSTOP)
        try:
            with load(api) as hanging:
                time.sleep(HANGING_SECONDS)
            ready = api.get("/ready")
        finally:
            os.kill(redis, signal.SIGCONT)
        assert set(hanging.statuses) == {200}
        assert hanging.rungs["remembered"] > 500
        assert hanging.rungs[None] == 0
        assert ready.status_code == 200
        assert not ready.json()["checks"]["redis"]["ok"]
        assert process.num_fds() <= files + CLIENTS + 2
        wait_until(lambda: api.predict().json()["degraded"] is None, "live answers")
        with load(api) as after:
            wait_until(lambda: after.statuses[200] > 500, "answers with Redis again")
        assert (set(after.statuses), set(after.rungs)) == ({200}, {None})
        assert sample(api, "shop_api_answers_total", rung="remembered") >= hanging.rungs["remembered"]
        assert sample(api, "shop_api_breaker_state", state="closed") == 1
        assert sample(api, "shop_api_breaker_changes_total", state="half-open") > 1
        assert "Traceback" not in api.log.read_text()
