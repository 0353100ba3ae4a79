import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.api_process import RunningApi, running_api, wait_until
from tests.serving_shop import ServingShop

ORDER = {"user_id": "user_0001", "product_id": "prod_0002", "transaction_amount": 20.0}
CLIENTS = 8


@dataclass
class Load:
    """Clients that ask one after another, each on a connection that it keeps as long as the server does.

    Attributes:
        outcomes: Statuses of answers, and what went wrong with those that had none.
        refused: How many times nobody listened: no request was sent then.
    """

    url: str
    outcomes: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        with httpx.Client(timeout=15) as client:
            while not self.stopped.is_set():
                try:
                    self.outcomes[str(client.post(f"{self.url}/predict", json=ORDER).status_code)] += 1
                except httpx.ConnectError:
                    self.refused += 1
                    return
                except httpx.TransportError as error:
                    self.outcomes[repr(error)] += 1


@contextmanager
def load(api: RunningApi) -> Iterator[Load]:
    found = Load(api.url)
    threads = [threading.Thread(target=found.ask) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: found.outcomes["200"] > 5 * CLIENTS, "the load runs")
        yield found
    finally:
        found.stopped.set()
        for thread in threads:
            thread.join()


def workers(api: RunningApi) -> Sequence[psutil.Process]:
    return psutil.Process(api.process.pid).children()


def figure(api: RunningApi, name: str, **labels: str) -> float:
    families = text_string_to_metric_families(api.get("/metrics").text)
    samples = (s for family in families for s in family.samples)
    return sum(s.value for s in samples if s.name == name and labels.items() <= s.labels.items())


def answered(api: RunningApi) -> float:
    return figure(api, "shop_api_request_seconds_count", route="/predict", status="200")


@pytest.mark.parametrize("count", [1, 2])
def test_no_request_is_dropped_at_sigterm(shop: ServingShop, tmp_path: Path, count: int) -> None:
    """Clients on kept connections: each request is answered, until nobody listens any more."""
    with running_api(shop, tmp_path, SHOP_API_WORKERS=count) as api, load(api) as found:
        assert api.stop() == 0
        wait_until(lambda: found.refused == CLIENTS, "every client finds nobody")
    assert set(found.outcomes) == {"200"}


def test_ready_says_at_once_that_the_end_begins(shop: ServingShop, tmp_path: Path) -> None:
    """While requests are still answered, each on its last connection."""
    with running_api(shop, tmp_path, SHOP_API_DRAIN_SECONDS=5) as api:
        api.process.send_signal(signal.SIGTERM)
        wait_until(lambda: api.get("/ready").status_code == 503, "it says so", 2)
        assert api.get("/ready").json()["checks"]["drain"] == {"ok": False, "reason": "the API ends"}
        answer = api.predict()
        assert (answer.status_code, answer.headers["connection"]) == (200, "close")
        # A second signal is an impatient one.
        assert api.stop() == 0


def test_a_killed_worker_comes_back_and_no_figure_becomes_less(shop: ServingShop, tmp_path: Path) -> None:
    """SIGKILL: readiness is lost and comes back, the other worker answers meanwhile, counts go on."""
    with running_api(shop, tmp_path, SHOP_API_WORKERS=2) as api:
        for _ in range(30):
            assert api.predict().status_code == 200
        assert answered(api) == 30
        assert figure(api, "shop_api_worker_starts_total") == 2
        first, _ = workers(api)
        first.send_signal(signal.SIGKILL)
        wait_until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE, "it is gone")
        wait_until(lambda: api.get("/ready").status_code == 503, "the other one misses it")
        assert re.fullmatch(
            r"worker \d does not answer", api.get("/ready").json()["checks"]["workers"]["reason"]
        )
        assert api.predict().status_code == 200
        assert answered(api) == 31
        wait_until(lambda: api.get("/ready").status_code == 200, "it is back", 90)
        assert answered(api) == 31
        assert figure(api, "shop_api_worker_starts_total") == 3
        assert re.search(r"worker \d ended with signal 9; it is started again", api.log.read_text())
        assert len(workers(api)) == 2


def test_workers_end_with_their_supervisor(shop: ServingShop, tmp_path: Path) -> None:
    """Even where it had no time to tell them."""
    with running_api(shop, tmp_path, SHOP_API_WORKERS=2) as api:
        left = workers(api)
        os.kill(api.process.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(left, 20)
        assert alive == []


def test_a_worker_that_cannot_start_ends_all_with_its_reason(shop: ServingShop, tmp_path: Path) -> None:
    """As one process would."""
    with (
        pytest.raises(AssertionError, match=r"(?s)the API ended with 2:.*has no champion.*cannot start"),
        running_api(shop, tmp_path, SHOP_API_WORKERS=2, SHOP_MODELS_DIR=tmp_path / "absent"),
    ):
        pass
