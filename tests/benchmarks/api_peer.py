"""The naive API as a process, and whether it answers as ours does."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from artefact import champion_path
from infra.services.ports import free_port
from tests.api_process import wait_until
from tests.benchmarks.naive_api import ESTIMATOR_FILE
from tests.benchmarks.orders import is_newcomer, order
from tests.serving_shop import SERVICES, ServingShop, card_of
from tests.small_models import save_model

NAME = "FastAPI, stock Feast store, scikit-learn"
START_SECONDS = 90.0
JSON = {"Content-Type": "application/json"}


@contextmanager
def running_peer(shop: ServingShop, trees: int) -> Iterator[str]:
    """URL of the peer over the same features and models, once it answers."""
    _keep_estimators(shop, trees)
    url = f"http://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "tests.benchmarks.naive_api", str(shop.repo), str(shop.models)]
    # With all threads for each row, scikit-learn fights with itself: ten requests/s on two busy cores.
    process = subprocess.Popen(
        [*command, url.rpartition(":")[2]],
        env=os.environ | {"PYTHONWARNINGS": "ignore", "OMP_NUM_THREADS": "1"},
    )
    try:
        wait_until(lambda: _answers(url, process), "the peer answers", START_SECONDS)
        yield url
    finally:
        process.kill()
        process.wait()


def equal_answers(ours: str, peer: str, orders: int) -> int:
    """How many of the first orders of known customers get one fraud probability from both, to float32's precision.

    Feast's own store answers null where a window is empty, which is a count of 0: newcomers and pairs of a customer and a
    product that never met get other answers from the peer.
    """
    known = [number for number in range(2 * orders) if not is_newcomer(number)][:orders]
    pairs = [[predict(url, number)["fraud_probability"] for url in (ours, peer)] for number in known]
    return sum(abs(a - b) <= 1e-5 for a, b in pairs)


def predict(url: str, number: int) -> dict[str, Any]:
    """The answer to the n-th order.

    Raises:
        HTTPStatusError: it is none.
    """
    answer = httpx.post(f"{url}/predict", content=order(number), timeout=30, headers=JSON)
    answer.raise_for_status()
    said: dict[str, Any] = answer.json()
    return said


def _keep_estimators(shop: ServingShop, trees: int) -> None:
    store = shop.store()
    for name in SERVICES:
        estimator = save_model(card_of(store, name), shop.models, trees=trees)
        (champion_path(shop.models, name) / ESTIMATOR_FILE).write_bytes(pickle.dumps(estimator))


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the peer ended with {process.returncode}")
    try:
        return predict(url, 0).keys() > set()
    except httpx.TransportError:
        return False
