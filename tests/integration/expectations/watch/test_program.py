"""`python -m expectations watch` as its users start it, beside a shop that is served from a real Redis."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from daemons.metrics_server import MetricsServer
from expectations.drift.record import keep
from infra.scrape import Metrics
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.status import Status
from tests.api_process import wait_until
from tests.kept_reports import drift_day
from tests.oracle import Event
from tests.served_shop import SERVICE, ServedShop
from tests.services import RunningRedis
from tests.small_shop import microseconds, user_orders, write_table

NOW = datetime.now(UTC)
PATIENCE_SECONDS = 480.0
"""Each task imports Feast anew, which takes seconds, or a minute on a machine that does too much else."""
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Watch:
    """A running watch."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    @property
    def address(self) -> str:
        listening = [f"127.0.0.1:{line['port']}" for line in self.lines() if line["message"] == "listening"]
        return listening[0] if listening else ""

    def health(self) -> dict[str, str]:
        with urllib.request.urlopen(f"http://{self.address}/health", timeout=5) as answer:
            return dict(json.load(answer))


@contextmanager
def watching(repo: Path, **settings: Any) -> Iterator[Watch]:
    """Ends it by its process id, also on failure."""
    own = {
        "SHOP_DATA_DIR": repo / "data",
        "SHOP_QUALITY_METRICS_PORT": 0,
        # Without assertions, typeguard leaves Feast's classes alone: a task starts in 2 s instead of 5.
        "PYTHONOPTIMIZE": 1,
        **settings,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SHOP_", "FEAST_"))}
    log = repo / "watch.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "expectations", "watch", "--repo", str(repo)],
            env=kept | {name: str(value) for name, value in own.items()},
            stdout=subprocess.DEVNULL,
            stderr=output,
        )
    try:
        yield Watch(process, log)
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def shop(tmp_path: Path, redis_server: RunningRedis) -> Iterator[ServedShop]:
    """Somebody ordered yesterday and eight minutes ago, a prediction was made a minute later, the day before was looked at."""
    made = ServedShop(tmp_path, redis_server.address, "watched")
    config = made.store.config
    (tmp_path / "feature_store.yaml").write_text(
        yaml.safe_dump(
            {
                "project": config.project,
                "provider": "local",
                "registry": str(tmp_path / "registry.db"),
                "offline_store": {"type": config.offline_config["type"], "root": "data"},
                "online_store": {
                    "type": config.online_config["type"],
                    "connection_string": redis_server.address,
                },
                "entity_key_serialization_version": 3,
            }
        )
    )
    somebody_else = {"user_id": ["b"], "product_id": ["x"], "score": [0.5]}
    write_table(tmp_path, "affinity", **somebody_else, event_timestamp=[NOW - timedelta(days=1)])
    made.happens(order("1", timedelta(days=1)), order("2", timedelta(minutes=8)))
    made.serves("a", NOW - timedelta(minutes=7))
    made.archives()
    for age in (0, 1, 2):
        keep(
            drift_day(NOW.date() - timedelta(days=age), np.random.default_rng(7), NOW),
            tmp_path / "data/reports",
        )
    yield made
    made.close()


def order(order_id: str, ago: timedelta) -> Event:
    time_us = microseconds(NOW - ago)
    values = {"order_id": order_id, "product_id": "x", "amount": 10.0}
    return Event(("a",), time_us, time_us, order_id, values)


@contextmanager
def stream_worker() -> Iterator[str]:
    """What a stream worker tells of freshness, by its own server; the address."""
    metrics = StreamMetrics()
    metrics.freshness.observe(np.array([0.02, 0.2]), user_orders.name)
    server = MetricsServer("127.0.0.1", 0, Status(metrics), "SHOP_STREAM_METRICS")
    yield f"127.0.0.1:{server.port}"
    server.close()


def test_what_the_watch_finds_can_be_scraped_and_it_ends_in_the_middle_of_a_task(shop: ServedShop) -> None:
    """All four tasks, one after the other, again and again."""
    with (
        stream_worker() as worker,
        watching(
            shop.folder,
            SHOP_FRESHNESS_WORKERS=json.dumps([worker]),
            SHOP_PARITY_EVERY_SECONDS=3600,
            SHOP_FRESHNESS_EVERY_SECONDS=1,
            SHOP_CHECKS_EVERY_SECONDS=3600,
            SHOP_DRIFT_EVERY_SECONDS=3600,
        ) as watch,
    ):
        wait_until(lambda: watch.address, "it listens")
        done = lambda: Metrics.scrape(watch.address).samples.get(  # noqa: E731
            "shop_quality_last_success_timestamp_seconds", {}
        )
        wait_until(lambda: len(done()) == 4, f"four tasks were done: {watch.log}", PATIENCE_SECONDS)
        told = Metrics.scrape(watch.address)
        assert told.by("shop_parity_equal_ratio", "service") == {SERVICE: 1.0}
        assert told.by("shop_parity_values_compared_total", "view")["user_orders"] > 0
        assert told.by("shop_freshness_target_seconds", "view") == {"user_orders": 1.0}
        assert 0.1 < told.by("shop_freshness_p99_seconds", "view")["user_orders"] < 0.3
        assert set(told.by("shop_quality_check_failed", "suite")) == {"events-orders", "day-orders"}
        assert told.by("shop_drift_alarms", "diagnosis")["pipeline"] > 0
        assert told.total("shop_quality_task_failures_total") == 0
        assert (shop.folder / "data/reports/index.html").exists()

        wait_until(lambda: watch.health()["task"] == "freshness", "a task is under way")
        asked = time.monotonic()
        watch.process.terminate()
        assert watch.process.wait(10) == 0
        assert time.monotonic() - asked < 5
        assert [line["message"] for line in watch.lines()[-2:]] == ["ended in the middle", "stopped"]


def test_a_registry_that_is_not_there_fails_each_task_and_not_the_watch(tmp_path: Path) -> None:
    """The reason is logged; the next interval tries again."""
    with watching(
        tmp_path, SHOP_PARITY_EVERY_SECONDS=0.1, SHOP_FRESHNESS_EVERY_SECONDS=0, SHOP_CHECKS_EVERY_SECONDS=0,
        SHOP_DRIFT_EVERY_SECONDS=0,
    ) as watch:  # fmt: skip
        wait_until(lambda: watch.address, "it listens")
        failures = lambda: Metrics.scrape(watch.address).by("shop_quality_task_failures_total", "task")  # noqa: E731
        wait_until(lambda: failures() == {"parity": 2}, f"it failed twice: {watch.log}", PATIENCE_SECONDS)
        failed = next(line for line in watch.lines() if line["message"] == "failed")
        assert "feature_store.yaml" in failed["reason"]
        assert "Traceback" in failed["printed"]
