"""Workers join and leave a group under load; then every row, archive and dead letter is held against the truth."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.stage import wait_for
from tests.chaos.blows import is_member
from tests.chaos.shop import Shop
from tests.chaos.storm import Compared, Storm, storm
from tests.services import running_kafka, running_redis

PER_SECOND = 50
"""So few that a machine that does much else keeps up; for a moment of every 5 s ten times as many."""
BETWEEN_SECONDS = 3.0
START_SECONDS = 400.0
"""A worker that was never started here before compiles first."""
HOLDER, JOINS = "one", ("two", "three")


@dataclass(frozen=True)
class HandOvers:
    """What was seen.

    Attributes:
        compared: All rows and messages against the truth.
        joins: Seconds until a worker that was started kept windows, for each.
        leaves: Seconds until those of a worker that was stopped had gone over, for each.
        told: What happened, in order.
    """

    compared: Compared
    joins: list[float]
    leaves: list[float]
    told: list[str]


def measured(folder: Path) -> HandOvers:
    """One worker, a second and a third join, the leader leaves, another leaves; the load never rests."""
    with running_kafka(folder / "kafka") as kafka, running_redis(folder / "redis") as redis:
        shop = Shop(folder / "shop", kafka, redis)
        shop.apply()
        with storm(folder, shop, per_second=PER_SECOND) as now:
            now.crew.start(HOLDER)
            now.crew.await_ready(START_SECONDS)
            time.sleep(BETWEEN_SECONDS)
            joins = [_timed(now, f"{name} joins", lambda n=name: _join(now, n)) for name in JOINS]  # type: ignore[misc]
            leaves = [_timed(now, "the leader leaves", lambda: _leave(now, now.crew.leader()))]
            leaves.append(_timed(now, "another one leaves", lambda: _leave(now, _follower(now))))
            return HandOvers(now.compare(), joins, leaves, now.told)


def _timed(now: Storm, what: str, act: Callable[[], None]) -> float:
    """Seconds that it took; the load goes on for a while behind it."""
    now.tell(what)
    begin = time.monotonic()
    act()
    seconds = time.monotonic() - begin
    time.sleep(BETWEEN_SECONDS)
    return seconds


def _join(now: Storm, name: str) -> None:
    is_member(now.crew.start(name), START_SECONDS)
    wait_for(lambda: _units(now) == _due(now), f"all windows to be kept once {name} has joined")


def _leave(now: Storm, name: str) -> None:
    now.crew.stop(name)
    wait_for(lambda: _units(now) == _due(now), f"others to have the windows of {name}")


def _follower(now: Storm) -> str:
    leader = now.crew.leader()
    return next(name for name in now.crew.members if name != leader)


def _units(now: Storm) -> int:
    """Units that somebody keeps."""
    lines = [line for worker in now.crew.members.values() for line in worker.metrics().splitlines()]
    return round(sum(float(line.split()[1]) for line in lines if line.startswith("shop_stream_units ")))


def _due(now: Storm) -> int:
    shares = int(now.shop.environment()["SHOP_STREAM_SHARES"])
    return shares * len(now.shop.specs())
