"""The stream on Spark as a program of its own, between a real broker and a real Redis, held against the oracle."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.ingestion.spark.conftest import CONF
from tests.integration.ingestion.stream.stream_shop import Order, StreamShop, orders
from tests.integration.ingestion.stream.worker_process import running_worker, wait_for
from tests.services import RunningKafka, RunningRedis

SECONDS = 240.0
"""A JVM, its workers and Feast in each of them start on a busy machine."""


@pytest.fixture
def shop(tmp_path: Path, kafka_broker: RunningKafka, redis_server: RunningRedis) -> StreamShop:
    pytest.importorskip("pyspark", reason="pyspark is not installed: run `make test-spark`")
    shop = StreamShop(tmp_path / "shop", kafka_broker.bootstrap, redis_server.address)
    shop.apply()
    return shop


@dataclass(frozen=True)
class SparkProcess:
    """A running `python -m ingestion.spark.stream`."""

    process: subprocess.Popen[bytes]
    log: Path

    def tells(self, path: str) -> str:
        port = int(self.log.read_text().rsplit("INFO listening", 1)[1].split(" port=")[1].split()[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def rows_pushed(self, topic: str) -> float:
        """What the program has counted; a batch is counted once it is done."""
        _, _, told = self.tells("metrics").partition(f'shop_spark_rows_pushed_total{{topic="{topic}"}} ')
        return float(told.split()[0]) if told else 0.0

    def kill(self) -> None:
        """SIGKILL, the JVM and its workers included."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def wait_for_equality(self, shop: StreamShop, sent: list[Order]) -> None:
        """Until every feature of every entity is what the oracle says."""
        store = shop.store()
        wait_for(
            lambda: not shop.differences(sent, store) or self.process.poll() is not None,
            f"equality with the oracle; the log:\n{self.log.read_text()[-8000:]}",
            SECONDS,
        )
        assert self.process.poll() is None, self.log.read_text()[-8000:]


@contextmanager
def running_spark(shop: StreamShop, log: Path) -> Iterator[SparkProcess]:
    """Ends it, and what it started, by its process group, also on failure."""
    environment = shop.environment(
        SHOP_SPARK_CONF=json.dumps(CONF), SHOP_SPARK_SHARES="3", SHOP_SPARK_METRICS_PORT="0"
    )
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "ingestion.spark.stream"],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield SparkProcess(process, log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


@contextmanager
def archiving(shop: StreamShop, log: Path) -> Iterator[None]:
    """A stream worker that only archives."""
    with running_worker(shop.environment(SHOP_STREAM_WINDOWS="false"), log) as worker:
        worker.wait_until("ready")
        yield
        assert worker.stop() == 0


@pytest.mark.timeout(4 * SECONDS)
def test_windows_go_on_from_the_archive_and_from_a_checkpoint(shop: StreamShop, tmp_path: Path) -> None:
    """Archived events, then repeats, late and unreadable ones, a SIGKILL, and events that came meanwhile."""
    sent = orders(300)
    with archiving(shop, tmp_path / "archive.log"):
        shop.send(sent)
        wait_for(lambda: shop.archived().height == len(sent), "the archive")
    assert shop.differences(sent, shop.store()), "nobody has computed anything yet"

    log = tmp_path / "spark.log"
    with running_spark(shop, log) as spark:
        spark.wait_for_equality(shop, sent)
        more = orders(200, first=300)
        shop.send([*more, b"no order", *more[:50], *sent[:50]])
        sent += more
        spark.wait_for_equality(shop, sent)
        spark.kill()
    more = orders(150, first=500)
    shop.send([*more, *sent[100:200]])
    sent += more
    with running_spark(shop, log) as spark:
        spark.wait_for_equality(shop, sent)
        assert json.loads(spark.tells("health")) == {"status": "ready", shop.name: "streams"}
        wait_for(lambda: spark.rows_pushed(shop.name) > 0, "a batch to be counted")
        assert spark.stop() == 0
