"""How long a stream worker with a million keys takes to be live again, and to fold the archive without a snapshot."""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.benchmarks.stage import ROOT, RunningWorker, Stage, apply_definitions, wait_for, worker
from tests.benchmarks.workload import CATEGORIES, PRODUCTS, named
from tests.services import running_kafka, running_redis

REPO = "tests/repos/stream_bench"
USERS = 1_000_000
VIEWS_PER_USER = 2
ORDERS = 200_000
HOURS = 20
ROWS_PER_FILE = 200_000
BETWEEN = 5_000


@dataclass(frozen=True)
class Restarts:
    """Seconds from the start of the process.

    Attributes:
        cold_ready: With an archive and without a snapshot.
        ready, fresh: With the snapshot of a worker that was stopped; fresh: an event sent after ready can be read.
        killed_ready, killed_fresh: After a SIGKILL, with events behind the last snapshot.
        keys: Entities of all views.
        folded_per_second: Events per second from the archive through all views, in a process of its own.
    """

    cold_ready: float
    ready: float
    fresh: float
    killed_ready: float
    killed_fresh: float
    keys: float
    folded_per_second: float


def measured() -> Restarts:
    """Kafka, Redis and workers as processes of their own."""
    with (
        tempfile.TemporaryDirectory(prefix="restart") as folder,
        running_kafka(Path(folder) / "kafka") as kafka,
        running_redis(Path(folder) / "redis") as redis,
    ):
        stage = Stage(Path(folder), kafka, redis)
        apply_definitions(stage, REPO)
        write_archives(stage)
        folded = _in_own_process(stage)
        return _measured(stage, folded["events"] / folded["seconds"])


def _measured(stage: Stage, folded_per_second: float) -> Restarts:
    with worker(stage) as first:
        cold = first.wait_until_ready(300)
        wait_for(lambda: not first.total("boundary_rows_pending"), "all rows in Redis", 300)
        _until_readable(stage, BETWEEN)
        keys = first.total("state_keys")
    with worker(stage) as second:
        ready, fresh = _ready_and_fresh(stage, second)
        _until_readable(stage, BETWEEN)
        second.kill()
    with worker(stage) as third:
        killed = _ready_and_fresh(stage, third)
    return Restarts(cold, ready, fresh, *killed, keys=keys, folded_per_second=folded_per_second)


def _ready_and_fresh(stage: Stage, running: RunningWorker) -> tuple[float, float]:
    ready = running.wait_until_ready()
    _until_readable(stage, 1)
    return ready, time.perf_counter() - running.started


def _until_readable(stage: Stage, count: int) -> None:
    """Send page views of so many users; return once the last one's row is newer than its event."""
    from ingestion.stores.redis_online import keys, timestamps

    now = datetime.now(UTC)
    users = [f"user_{number:07}" for number in range(count)]
    stage.kafka.produce("page_views", [_page_view(user, now) for user in users], b"user")
    key = keys.prefix(["user_id"]) + keys.part(users[-1], "STRING") + b"shop"
    sent = now.timestamp()
    with stage.redis.client() as client:

        def is_readable() -> bool:
            stored = client.hget(key, "_ts:user_views")
            seconds, nanos = timestamps.decode(stored) if isinstance(stored, bytes) else (0, 0)
            return seconds + nanos / 1e9 > sent

        wait_for(is_readable, "the row of a new event", poll=0.005)


def _page_view(user: str, now: datetime) -> bytes:
    event: dict[str, Any] = {
        "view_id": f"{user}_{now.timestamp()}",
        "event_timestamp": now.isoformat(),
        "user_id": user,
        "product_id": "product_0000001",
        "category": "category_0000001",
        "cart_quantity": 1,
    }
    return json.dumps(event).encode()


def write_archives(stage: Stage) -> None:
    """Page views of a million users and some orders, over the last hours."""
    from ingestion.archive import Archive

    for topic, events_per_user, users in (("page_views", VIEWS_PER_USER, USERS), ("orders", 1, ORDERS)):
        archive = Archive(stage.data, topic)
        total = events_per_user * users
        for start in range(0, total, ROWS_PER_FILE):
            archive.write(_events(topic, start, min(start + ROWS_PER_FILE, total), total, users))


def _events(topic: str, first: int, last: int, total: int, users: int) -> pl.DataFrame:
    """Events evenly spaced over the last hours; each user's turn comes again after all the others."""
    rng, numbers = np.random.default_rng(first), np.arange(first, last)
    begin = datetime.now(UTC) - timedelta(hours=HOURS)
    times = pl.Series(int(begin.timestamp() * 1e6) + numbers * (HOURS * 3_600_000_000) // total)
    common = {
        "event_timestamp": times.cast(pl.Datetime("us", "UTC")),
        "arrival_timestamp": times.cast(pl.Datetime("us", "UTC")),
        "user_id": named("user", numbers * 7919 % users),
        "product_id": named("product", rng.integers(0, PRODUCTS, len(numbers))),
        "category": named("category", rng.integers(0, CATEGORIES, len(numbers))),
        "session_id": pl.Series([None] * len(numbers), dtype=pl.String),
    }
    if topic == "page_views":
        return pl.DataFrame(
            {"view_id": named("view", numbers), **common, "cart_quantity": rng.integers(0, 3, len(numbers))}
        )
    return pl.DataFrame(
        {
            "order_id": named("order", numbers),
            **common,
            "device_id": named("device", numbers % users),
            "amount": rng.gamma(2.0, 30.0, len(numbers)),
            "quantity": rng.integers(1, 4, len(numbers)),
        }
    )


def _in_own_process(stage: Stage) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.restart", str(stage.folder)]
    done = subprocess.run(
        command, env=stage.environment, capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode:
        raise RuntimeError(f"folding failed:\n{done.stdout}{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def fold_all(folder: Path) -> dict[str, float]:
    """Fold the archives into fresh windows, as a worker without a snapshot does."""
    from feast import FeatureStore

    from ingestion.stream.archive_index import ArchiveIndex
    from ingestion.stream.clock import WallClock
    from ingestion.stream.fold import fold
    from ingestion.stream.group import StateGroup
    from ingestion.stream.registry import event_topics
    from ingestion.stream.units import PARTS, units_of
    from ingestion.stream.warm_up import warm_up
    from ingestion.stream.worker import wall_us

    topics = event_topics(FeatureStore(repo_path=str(folder), fs_yaml_file=folder / "ours.yaml"))
    for topic in topics:
        warm_up(topic)
    begin, events = time.perf_counter(), 0
    for topic in topics:
        units = units_of([topic], 1, frozenset(range(PARTS)))
        group = StateGroup.fresh(topic, {unit: work.spec for unit, work in units.items()})
        listing = ArchiveIndex(topic.archive, topic.name).refresh()
        events += fold(group, listing, WallClock(wall_us), lambda *_: None)
    return {"events": events, "seconds": time.perf_counter() - begin}


if __name__ == "__main__":
    print(json.dumps(fold_all(Path(sys.argv[1]))))
