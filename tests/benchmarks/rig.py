"""The whole platform on this machine, as `make up` runs it, with small models; for benchmarks of the API."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from infra.fill import STEPS
from infra.fill import fill as fill_platform
from infra.platform import FEATURE_STORE_YAML, Platform
from infra.scrape import Metrics
from infra.steps import Steps, tail
from tests.api_process import RunningApi, running_api, wait_until
from tests.benchmarks.orders import customers, products
from tests.benchmarks.stage import ROOT
from tests.services import own_settings
from tests.serving_shop import (
    STOCK_STORE,
    STOCK_YAML,
    ServingShop,
    apply,
    configuration,
    fill,
    save_small_models,
)

TREES = 150
READY_SECONDS = 600.0
"""A worker that was never started here before compiles first, and computes its windows from what is archived."""
START_SECONDS = 300.0
READ = "shop_stream_messages_consumed_total"


@dataclass(frozen=True)
class Rig:
    """Kafka and Redis run; the other programs when they are asked for.

    Attributes:
        folder: Of logs.
        platform: Starts and ends them.
        shop: Definitions, models, and features in Redis.
    """

    folder: Path
    platform: Platform
    shop: ServingShop

    def api(self, **settings: Any) -> AbstractContextManager[RunningApi]:
        """The API with its prediction log to Kafka."""
        return running_api(self.shop, self.folder, SHOP_KAFKA_BOOTSTRAP=self.platform.kafka.up(), **settings)

    def stream(self) -> Metrics:
        """What the stream worker has counted."""
        return Metrics.scrape(self.platform.stream.address or "")

    @contextmanager
    def traffic(self, events_per_second: float, most_seconds: float) -> Iterator["Traffic"]:
        """Events of the simulated shop through Kafka and a stream worker, from the first one read until the end.

        Raises:
            RuntimeError: it came to an end before.
        """
        self.platform.start_stream_worker()
        wait_until(
            lambda: self.stream().total("shop_stream_ready"), "the stream worker is ready", READY_SECONDS
        )
        before = self.stream().total(READ)
        log = self.folder / "simulate.log"
        live = ["live", "--events-per-second", str(events_per_second), "--seconds", str(most_seconds)]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "ingestion.simulate", *live],
                env=os.environ | self.platform.environment(),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            wait_until(lambda: self.stream().total(READ) > before, "events are read", START_SECONDS)
            traffic = Traffic(self, process)
            yield traffic
            if not traffic.ended and process.poll() is not None:
                raise RuntimeError(f"the traffic ended before the measurement:\n{tail(log)}")
        finally:
            process.kill()
            process.wait()


class Traffic:
    """Says how many events are read, from when it was made on."""

    def __init__(self, rig: Rig, process: subprocess.Popen[bytes]) -> None:
        self._rig, self._process = rig, process
        self.ended = False
        self.restart()

    def end(self) -> None:
        """Nothing is sent from now on.

        Raises:
            RuntimeError: it has ended by itself before.
        """
        if self._process.poll() is not None:
            raise RuntimeError("the traffic ended before the measurement")
        self._process.kill()
        self._process.wait()
        self.ended = True

    def restart(self) -> None:
        """Count from now on."""
        self._since, self._read = time.monotonic(), self._rig.stream().total(READ)

    def per_second(self) -> float:
        """Events read by the stream worker."""
        return (self._rig.stream().total(READ) - self._read) / (time.monotonic() - self._since)


@contextmanager
def rig(folder: Path) -> Iterator[Rig]:
    """Services up, definitions applied, features and models there; everything ended at the end, on SIGTERM too."""
    with _services(folder) as platform:
        data = platform.settings.data_dir
        shop = ServingShop(data, data / "models", customers(), products())
        _write_stock_yaml(platform, data)
        fill(shop, TREES)
        yield Rig(folder, platform, shop)


@contextmanager
def rig_with_history(folder: Path, *, days: float, scale: float) -> Iterator[Rig]:
    """As `rig`, but features are computed from a simulated history: what is served and what history says should agree.

    Args:
        folder: Of data and logs.
        days: Length of the history.
        scale: Times 5,000 customers.
    """
    with _services(folder) as platform:
        data = platform.settings.data_dir
        shop = ServingShop(data, data / "models", [], products())
        _save_small_models(shop)
        steps = Steps(STEPS, folder, platform.environment(), Console())
        with steps.shown():
            fill_platform(platform.settings, steps, days=days, scale=scale)
        yield Rig(folder, platform, shop)


@contextmanager
def _services(folder: Path) -> Iterator[Platform]:
    """Redis and Kafka with the topics; what was started of the platform is ended at the end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    own = own_settings(
        folder / "data", feature_repo=ROOT / "feature_repo", start_timeout_seconds=READY_SECONDS
    )
    platform = Platform(own)
    try:
        platform.start_services()
        platform.create_topics()
        yield platform
    finally:
        platform.stop()


def _save_small_models(shop: ServingShop) -> None:
    """Where there are models, filling the platform trains none."""
    store = shop.store()
    apply(store)
    save_small_models(store, shop, TREES)
    asyncio.run(store.close())


def _write_stock_yaml(platform: Platform, data: Path) -> None:
    ours = yaml.safe_load((data / FEATURE_STORE_YAML).read_text())
    stock = configuration(ours["project"], STOCK_STORE, platform.redis.up())
    (data / STOCK_YAML).write_text(yaml.safe_dump(stock))
