"""Workers are killed, and everything that they keep is compared with the truth: nothing lost, nothing twice, nothing stale."""

from functools import partial
from pathlib import Path

import pytest

from tests.chaos import blows
from tests.chaos.doomed import POINTS
from tests.chaos.shop import Shop
from tests.chaos.storm import storm

MINUTES = 60
ONCE = ("snapshot.begun", "snapshot.done", "snapshot.delivered", "recovery.folded")
MOST = {
    point: 1 if point in ONCE else 3 if point.startswith("recovery") else 9
    for point in POINTS
    if point != "snapshot.child"
}
"""How often a worker passes a point for certain in a few seconds."""


def test_five_kills_lose_nothing_and_count_nothing_twice(shop: Shop, tmp_path: Path) -> None:
    """Between poll and archive, amid a file, between archive and commit, amid a push, amid a recovery."""
    with storm(tmp_path, shop, per_second=300) as now:
        now.doom("read", 5)
        now.doom("archive.half_written", 2)
        now.doom("archive.done", 2)
        now.doom("push.half", 9)
        now.doom("recovery.folded", 1)
        now.end()


@pytest.mark.chaos
@pytest.mark.timeout(15 * MINUTES)
def test_many_kills_lose_nothing_and_count_nothing_twice(shop: Shop, tmp_path: Path) -> None:
    """At every point and at random times, while Redis and the broker restart, hang and come back empty."""
    with storm(tmp_path, shop, per_second=200) as now:
        now.awake()
        acts = [partial(now.doom, point, now.random.randint(1, most)) for point, most in MOST.items()]
        acts += [partial(now.doom, point, most) for point, most in MOST.items() if now.random.random() < 0.4]
        acts += [partial(now.kill_in, now.random.uniform(0, 3)) for _ in range(6)]
        acts += [partial(blows.child_is_killed, now)]
        acts += [partial(blows.redis_restarts, now, keeps_data=keeps) for keeps in (True, False)]
        acts += [partial(blows.redis_is_away, now, 3, keeps_data=keeps) for keeps in (True, False)]
        acts += [partial(blows.redis_hangs, now, 3), partial(blows.stopped_while_redis_is_away, now)]
        acts += [partial(blows.broker_restarts, now)] * 2
        for done, act in enumerate(now.random.sample(acts, len(acts)), start=1):
            act()
            if done % 8 == 0:
                now.check()
        now.end()
    assert now.kills >= 30


@pytest.mark.chaos
@pytest.mark.timeout(15 * MINUTES)
def test_workers_come_and_go(shop: Shop, tmp_path: Path) -> None:
    """Up to three of them join, leave, are killed and freeze for longer than their session; each time the others go on."""
    with storm(tmp_path, shop, per_second=300) as now:
        blows.joins(now, "two")
        blows.leader_leaves(now)
        blows.joins(now, "three")
        blows.leader_is_killed(now)
        now.check()
        blows.joins(now, "four")
        blows.leader_freezes(now)
        now.check()
        blows.killed_during(now, "commit.begun", 2, "five")
        blows.joins(now, "six")
        blows.joins(now, "seven")
        blows.broker_restarts(now)
        blows.leader_is_killed(now)
        now.end()


@pytest.mark.chaos
@pytest.mark.timeout(10 * MINUTES)
def test_a_worker_that_wakes_up_behind_its_successor_changes_nothing(shop: Shop, tmp_path: Path) -> None:
    """It had read, but not kept, what its successor has read and kept since: before and behind its claim, before a push."""
    with storm(tmp_path, shop, per_second=200) as now:
        for point in ("read", "claim.begun", "claim.done", "push.begun"):
            blows.freezes_at(now, point, 4, f"sleeper_at_{point.replace('.', '_')}")
            now.check()
        now.end()
