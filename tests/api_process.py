"""The API as its users start it: a process."""

import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.services.ports import free_port
from tests.serving_shop import ServingShop

START_SECONDS = 180.0


@dataclass(frozen=True)
class RunningApi:
    """A process that answers.

    Attributes:
        process: To be signalled.
        url: Where it listens.
        log: What it printed.
        tls: How to ask it, where it speaks TLS.
    """

    process: subprocess.Popen[bytes]
    url: str
    log: Path
    tls: ssl.SSLContext | None = None

    def get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10, verify=self.tls or True)

    def predict(self, **order: Any) -> httpx.Response:
        body = {"user_id": "user_0001", "product_id": "prod_0002", "transaction_amount": 20.0} | order
        return httpx.post(f"{self.url}/predict", json=body, timeout=10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def environment(shop: ServingShop, **settings: Any) -> dict[str, str]:
    """Variables of a process over the shop; nothing of the developer's own platform."""
    own: dict[str, Any] = {
        "SHOP_DATA_DIR": shop.models.parent,
        "SHOP_MODELS_DIR": shop.models,
        "SHOP_FEATURE_REPO": shop.repo,
        "PYTHONUNBUFFERED": 1,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SHOP_", "FEAST_"))}
    return kept | {name: str(value) for name, value in {**own, **settings}.items()}


@contextmanager
def running_api(
    shop: ServingShop, folder: Path, tls: ssl.SSLContext | None = None, **settings: Any
) -> Iterator[RunningApi]:
    """Start it, wait until it answers, end it however the test ends."""
    port, log = free_port(), folder / "api.log"
    given: Mapping[str, str] = environment(shop, SHOP_API_PORT=port, **settings)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "serving"],
            env=given,
            stdout=output,
            stderr=subprocess.STDOUT,
            # As whatever starts it for good does: Linux shares cores out among sessions.
            start_new_session=True,
        )
        try:
            api = RunningApi(process, f"{'https' if tls else 'http'}://127.0.0.1:{port}", log, tls)
            _wait(api)
            yield api
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def wait_until(true: Any, what: str, seconds: float = 60.0) -> None:
    """Ask again and again; fail with ``what`` did not come true."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def _wait(api: RunningApi) -> None:
    def answers() -> bool:
        if api.process.poll() is not None:
            raise AssertionError(f"the API ended with {api.process.returncode}:\n{api.log.read_text()}")
        try:
            return api.get("/ready").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers, "the API answers", START_SECONDS)
