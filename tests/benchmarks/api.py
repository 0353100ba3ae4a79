"""The prediction API under a closed loop of 16 connections, against a naive API over the same features and models.

Both run as processes of their own beside a real Redis. They are loaded in turns, so that a busy machine is busy for both.
"""

import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from artefact import champion_path
from infra.services.ports import free_port
from tests.api_process import running_api, wait_until
from tests.benchmarks.http_load import Answers, closed_loop
from tests.benchmarks.naive_api import ESTIMATOR_FILE
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.services import running_redis
from tests.serving_shop import SERVICES, ServingShop, card_of, serving_shop
from tests.small_models import save_model

USERS, TREES = 500, 150
CONNECTIONS, TURNS, TURN_SECONDS, WARM_UP_SECONDS = 16, 4, 2.5, 1.0
ALONE_SECONDS = 1.5
CHECKED_ORDERS = 50
BATCHES, BATCH_ROWS = 60, 100
PEER = "FastAPI, stock Feast store, scikit-learn"


@dataclass(frozen=True)
class Measured:
    """Answers of ours and of the peer."""

    ours: Answers
    peer: Answers


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether all bars hold."""
    options = parser("api", __doc__).parse_args(argv)
    warnings.filterwarnings("ignore", module="feast")
    report = Report("api")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_redis(folder / "redis") as redis, _servers(folder, redis.address) as ports:
            equal = _equal_answers(*ports)
            batch_milliseconds = _batch_milliseconds(ports[0])
            alone = _in_turns(ports, "one connection", connections=1, turns=2, seconds=ALONE_SECONDS)
            loaded = _in_turns(
                ports,
                f"{CONNECTIONS} connections",
                connections=CONNECTIONS,
                turns=TURNS,
                seconds=TURN_SECONDS,
            )
    _add_bars(report, alone, loaded, equal)
    name = f"p50, a batch of {BATCH_ROWS} orders"
    report.add(Bar(name, batch_milliseconds, "ms", least=10, lower_is_better=True))
    return report.finish(options.json)


def _add_bars(report: Report, alone: Measured, loaded: Measured, equal: int) -> None:
    at_once = f"{CONNECTIONS} connections"
    report.add(Bar(at_once, loaded.ours.per_second, "requests/s", loaded.peer.per_second, PEER, least=2))
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        ours, peer = loaded.ours.milliseconds(share), loaded.peer.milliseconds(share)
        report.add(Bar(f"{label}, {at_once}", ours, "ms", peer, lower_is_better=True))
    p99 = loaded.ours.milliseconds(0.99)
    report.add(Bar(f"p99, {at_once}, as a bound", p99, "ms", least=30, lower_is_better=True))
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        ours, peer = alone.ours.milliseconds(share), alone.peer.milliseconds(share)
        report.add(Bar(f"{label}, one connection", ours, "ms", peer, lower_is_better=True))
    errors = len(loaded.ours.errors) + len(alone.ours.errors)
    report.add(Bar("answers that were not 200", errors, "", least=0, lower_is_better=True))
    report.add(Bar("fraud probabilities equal to the peer's", 100 * equal / CHECKED_ORDERS, "%", least=100))
    report.note(
        f"{len(loaded.ours.seconds):,} requests to ours and {len(loaded.peer.seconds):,} to the peer in {TURNS} turns of "
        f"{TURN_SECONDS} s each; {USERS} users, gradient boosters of {TREES} trees; the peer's "
        f"scikit-learn has one thread; peer errors: "
        f"{len(loaded.peer.errors)}"
    )


@contextmanager
def _servers(folder: Path, redis_address: str) -> Iterator[tuple[int, int]]:
    """Ports of ours and of the peer, both answering."""
    shop = serving_shop(folder / "shop", redis_address, project="benchmark", users=USERS, trees=TREES)
    store = shop.store()
    for name in SERVICES:
        estimator = save_model(card_of(store, name), shop.models, trees=TREES)
        (champion_path(shop.models, name) / ESTIMATOR_FILE).write_bytes(pickle.dumps(estimator))
    with running_api(shop, folder) as api, _peer(shop) as peer:
        yield int(api.url.rpartition(":")[2]), peer


@contextmanager
def _peer(shop: ServingShop) -> Iterator[int]:
    # With all threads for each row, scikit-learn fights with itself: ten requests/s on two busy cores.
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.naive_api",
        str(shop.repo),
        str(shop.models),
        str(port),
    ]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"})
    try:
        wait_until(lambda: _answers(port, process), "the peer answers", 90)
        yield port
    finally:
        process.kill()
        process.wait()


def _answers(port: int, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the peer ended with {process.returncode}")
    try:
        return _predict(port, 0).keys() > set()
    except httpx.TransportError:
        return False


def _in_turns(
    ports: tuple[int, int], label: str, *, connections: int, turns: int, seconds: float
) -> Measured:
    found = [Answers(), Answers()]
    with progress() as bar:
        task = bar.add_task(label, total=2 * turns + 2)
        for port in ports:
            closed_loop(port, _order, connections=connections, seconds=WARM_UP_SECONDS)
            bar.advance(task)
        for _ in range(turns):
            for i, port in enumerate(ports):
                found[i] += closed_loop(port, _order, connections=connections, seconds=seconds)
                bar.advance(task)
    return Measured(*found)


def _equal_answers(ours: int, peer: int) -> int:
    """How many of the first orders of known customers get one fraud probability from both, to float32's precision.

    Feast's own store answers null where a window is empty, which is a count of 0: newcomers and pairs of a customer and a
    product that never met get other answers from the peer.
    """
    known = [number for number in range(2 * CHECKED_ORDERS) if not _is_newcomer(number)][:CHECKED_ORDERS]
    pairs = [[_predict(port, number)["fraud_probability"] for port in (ours, peer)] for number in known]
    return sum(abs(a - b) <= 1e-5 for a, b in pairs)


def _is_newcomer(number: int) -> bool:
    return number % 10 == 0


def _predict(port: int, number: int) -> dict[str, Any]:
    answer = httpx.post(f"http://127.0.0.1:{port}/predict", content=_order(number), timeout=30, headers=_JSON)
    answer.raise_for_status()
    said: dict[str, Any] = answer.json()
    return said


def _batch_milliseconds(port: int) -> float:
    """Median time of a batch over one connection."""
    seconds = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, headers=_JSON) as client:
        for number in range(0, BATCHES * BATCH_ROWS, BATCH_ROWS):
            orders = b",".join(_order(number + row) for row in range(BATCH_ROWS))
            started = time.perf_counter()
            client.post("/predict/batch", content=b'{"orders": [' + orders + b"]}").raise_for_status()
            seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


_JSON = {"Content-Type": "application/json"}


def _order(number: int) -> bytes:
    """The n-th order; each tenth user is one never seen. Primes spread them."""
    user = number * 7919 % USERS
    order = {
        "user_id": f"user_{user:04}" if not _is_newcomer(number) else f"newcomer_{number}",
        "product_id": f"prod_{number * 104_729 % USERS:04}",
        "transaction_amount": round(1 + number * 15_485_863 % 50_000 / 100, 2),
        "context": {"session_id": f"session_{number}", "device_id": f"dev_{user:04}"},
    }
    return json.dumps(order).encode()


if __name__ == "__main__":
    sys.exit(main())
