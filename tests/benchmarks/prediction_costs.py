"""What a prediction costs API, Redis, Kafka and archive: a closed loop on `/predict` with its prediction log, archived."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import uvloop
import yaml

from infra.load import Target, closed_loop
from tests.api_process import running_api, wait_until
from tests.benchmarks.held import Held, sample
from tests.benchmarks.orders import customers, order, products
from tests.benchmarks.rig import TREES
from tests.benchmarks.sizes import log_bytes
from tests.prediction_keeper import archived, running_keeper
from tests.services import RunningKafka, RunningRedis
from tests.serving_shop import OUR_STORE, STOCK_STORE, STOCK_YAML, ServingShop, configuration, fill

TOPIC = "predictions"
CONNECTIONS, WARM_UP_SECONDS, SECONDS = 16, 2.0, 8.0
ARCHIVE_SECONDS = 30.0
"""As few files as there may be: what `ingestion.compact` leaves."""
LOGGED_SECONDS = 120.0


@dataclass(frozen=True)
class PredictionCosts:
    """What was measured.

    Attributes:
        requests: How many were answered with 200.
        failed: How many were not.
        api_us: Microseconds of CPU of the API per prediction.
        redis_us: Microseconds of CPU of Redis per prediction.
        api_bytes: Memory of an API process behind the load.
        message_bytes: What the broker keeps of a prediction.
        archive_bytes: What the archive keeps of it.
    """

    requests: int
    failed: int
    api_us: float
    redis_us: float
    api_bytes: float
    message_bytes: float
    archive_bytes: float


def measured(folder: Path, kafka: RunningKafka, redis: RunningRedis) -> PredictionCosts:
    """Fill a Redis that may be emptied, train small models, load one API process."""
    shop = _shop(folder / "serving", redis.address)
    kafka.create(TOPIC)
    data = folder / "keeper"
    servers = {"SHOP_KAFKA_BOOTSTRAP": kafka.bootstrap, "SHOP_PREDICTIONS_TOPIC": TOPIC}
    with (
        running_api(shop, folder, **servers) as api,
        running_keeper(data, kafka.bootstrap, TOPIC, SHOP_PREDICTIONS_ARCHIVE_SECONDS=ARCHIVE_SECONDS),
    ):
        target = Target(f"{api.url}/predict", order)
        warm = uvloop.run(closed_loop(target, CONNECTIONS, WARM_UP_SECONDS))
        redis_pid = redis.service.supervisor.pid(redis.service.name) or 0
        before = _cpu(api.process.pid), _cpu(redis_pid)
        answers = uvloop.run(closed_loop(target, CONNECTIONS, SECONDS))
        api_cpu, redis_cpu = _cpu(api.process.pid) - before[0], _cpu(redis_pid) - before[1]
        held = {"API": Held(api.process.pid)}
        sample(held, time.monotonic())
        requests = len(answers) - answers.failed
        due = len(warm) - warm.failed + requests
        wait_until(
            lambda: archived(data, "request_id").height >= due, f"{due} predictions archived", LOGGED_SECONDS
        )
        return PredictionCosts(
            requests=requests,
            failed=answers.failed,
            api_us=1e6 * api_cpu / requests,
            redis_us=1e6 * redis_cpu / requests,
            api_bytes=1e6 * held["API"].samples[-1][1],
            message_bytes=log_bytes(kafka, TOPIC) / due,
            archive_bytes=sum(path.stat().st_size for path in (data / TOPIC).rglob("*.parquet")) / due,
        )


def _shop(folder: Path, redis_address: str) -> ServingShop:
    shop = ServingShop(folder / "repo", folder / "models", customers(), products())
    shop.repo.mkdir(parents=True)
    for name, kind in (("feature_store.yaml", OUR_STORE), (STOCK_YAML, STOCK_STORE)):
        (shop.repo / name).write_text(yaml.safe_dump(configuration("shop", kind, redis_address)))
    fill(shop, TREES)
    return shop


def _cpu(pid: int) -> float:
    """Seconds of CPU of a process and those that it started, so far."""
    process = psutil.Process(pid)
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return float(sum(t.user + t.system for t in times))
