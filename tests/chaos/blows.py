"""What happens to the servers and the crew during a storm, beside kills of single workers."""

import shutil
import time

import psutil

from tests.chaos.crew import AT_REST, DEADLINE_SECONDS
from tests.chaos.storm import Storm
from tests.integration.ingestion.stream.worker_process import WorkerProcess, wait_for

LONGER_THAN_A_SESSION_SECONDS = 7.5
"""Workers have 6 s to give a sign of life."""


def redis_restarts(storm: Storm, *, keeps_data: bool) -> None:
    """Killed and back at once, with or without what it had."""
    storm.awake()
    redis = storm.shop.redis
    storm.tell(f"Redis restarts {'with' if keeps_data else 'without'} its data")
    redis.kill()
    if not keeps_data:
        shutil.rmtree(redis.service.supervisor.folder / redis.service.name)
    redis.restart()
    storm.crew.await_ready()


def redis_is_away(storm: Storm, seconds: float, *, keeps_data: bool = True) -> None:
    """Killed, and back after a while."""
    storm.awake()
    redis = storm.shop.redis
    storm.tell(
        f"Redis is away for {seconds:.1f} s and comes back {'with' if keeps_data else 'without'} its data"
    )
    redis.kill()
    if not keeps_data:
        shutil.rmtree(redis.service.supervisor.folder / redis.service.name)
    time.sleep(seconds)
    redis.restart()
    storm.crew.await_ready()


def redis_hangs(storm: Storm, seconds: float) -> None:
    """Its connections stay open, and nobody answers."""
    storm.awake()
    redis = storm.shop.redis
    storm.tell(f"Redis hangs for {seconds:.1f} s")
    process = psutil.Process(redis.service.supervisor.pid(redis.service.name))
    process.suspend()
    time.sleep(seconds)
    process.resume()
    storm.crew.await_ready()


def stopped_while_redis_is_away(storm: Storm) -> None:
    """A worker that cannot push is stopped in order; what it read is kept, and served by the next."""
    storm.awake()
    storm.tell("Redis goes away, the workers are stopped in order, Redis comes back")
    storm.shop.redis.kill()
    time.sleep(1.5)
    storm.crew.stop_all()
    storm.shop.redis.restart()


def broker_restarts(storm: Storm) -> None:
    """Killed and back at once; messages wait at their sender."""
    storm.awake()
    storm.tell("the broker restarts")
    storm.shop.kafka.kill()
    storm.shop.kafka.restart()
    storm.crew.await_ready()


def killed_during(storm: Storm, point: str, count: int, name: str) -> None:
    """A worker joins the others, takes over when they leave in order, and dies at a point; another one is started."""
    storm.awake()
    others = list(storm.crew.members)
    storm.tell(f"{name} joins {others}, takes over and is killed at {point}, time {count}")
    storm.crew.start(name, point, str(count))
    is_member(storm.crew.members[name])
    for other in others:
        storm.crew.stop(other)
    storm.crew.await_death(name)
    storm.kills += 1


def joins(storm: Storm, name: str) -> None:
    """One worker more, while the others work."""
    storm.awake()
    storm.tell(f"{name} joins {list(storm.crew.members)}")
    storm.crew.start(name)
    is_member(storm.crew.members[name])


def is_member(worker: WorkerProcess, seconds: float = DEADLINE_SECONDS) -> None:
    """Returns once a worker has a part in the work, or none to do."""
    wait_for(
        lambda: worker.health().get("status") in AT_REST and "holds parts" in worker.log.read_text(),
        "a worker to join",
        seconds,
    )


def child_is_killed(storm: Storm) -> None:
    """The children die that write snapshots; their parent goes on without, until it is killed, too."""
    name = "parent"
    storm.crew.stop_all()
    storm.tell(f"the children of {name} are killed, then {name}")
    worker = storm.crew.start(name, "snapshot.child", "1")
    wait_for(
        lambda: "no snapshot: a restart folds more" in worker.log.read_text(),
        "a child to die",
        DEADLINE_SECONDS,
    )
    storm.crew.kill(name)
    storm.kills += 1


def leader_leaves(storm: Storm) -> None:
    """Stopped in order; the others go on."""
    name = storm.crew.leader()
    storm.tell(f"{name} leaves {list(storm.crew.members)}")
    storm.crew.stop(name)


def leader_is_killed(storm: Storm) -> None:
    """SIGKILL: the others notice when its session is over, or when it is back."""
    name = storm.crew.leader()
    storm.tell(f"{name} of {list(storm.crew.members)} is killed")
    storm.crew.kill(name)
    storm.kills += 1


def leader_freezes(storm: Storm) -> None:
    """For longer than a session: another one takes over, and then it wakes up with what it had read before."""
    name = storm.crew.leader()
    storm.tell(f"{name} of {list(storm.crew.members)} freezes")
    storm.crew.freeze(name)
    time.sleep(LONGER_THAN_A_SESSION_SECONDS)
    storm.crew.await_ready()
    storm.tell(f"{name} wakes up")
    storm.crew.thaw(name)


def freezes_at(storm: Storm, point: str, count: int, name: str) -> None:
    """It takes over from the others, stops at a point for longer than a session, and wakes up behind its successor's back."""
    storm.awake()
    others = list(storm.crew.members)
    storm.tell(f"{name} joins {others}, takes over and freezes at {point}, time {count}")
    worker = storm.crew.start(name, point, str(count), "--freeze")
    is_member(worker)
    for other in others:
        storm.crew.stop(other)
    wait_for(
        lambda: psutil.Process(worker.process.pid).status() == psutil.STATUS_STOPPED, f"{name} to freeze"
    )
    successor = storm.crew.start(f"behind_{name}")
    wait_for(lambda: successor.health().get("status") == "ready", "a successor to work", DEADLINE_SECONDS)
    time.sleep(2)
    storm.tell(f"{name} wakes up")
    storm.crew.thaw(name)
