"""What is taken from a running API, and when it was given back; one function an outage."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import psutil

from artefact import set_champion
from infra.answers import LIVE, Answers
from infra.scrape import Metrics
from tests.api_process import RunningApi, wait_until
from tests.benchmarks.rig import Rig

PAUSE_SECONDS, KILLED_SECONDS, SETTLE_SECONDS = 10.0, 5.0, 4.0
RECOVER_SECONDS = 120.0
OTHER_VERSION = "v2"


@dataclass(frozen=True)
class Scene:
    """Where it happens."""

    rig: Rig
    api: RunningApi

    def metrics(self) -> Metrics:
        """Of all workers together."""
        return Metrics.scrape(self.api.url.rpartition("/")[2])


@dataclass(frozen=True)
class Outage:
    """When it happened, by `time.monotonic`.

    Attributes:
        begin: Something was taken away, or replaced.
        back: It was there again.
        end: Some seconds later.
        counted: What the API counted from the beginning until the end.
    """

    begin: float
    back: float
    end: float
    counted: Metrics

    def answers(self, of: Answers) -> Answers:
        """Those to requests due from the beginning until the end."""
        return of.within(self.begin, self.end)

    def seconds_until_live(self, of: Answers) -> float:
        """From when it was back until the last request that was not answered from the online store; 0 where none was."""
        other = [answer.due for answer in self.answers(of).answers if answer.rung != LIVE]
        return max(0.0, max(other, default=0.0) - self.back)


def happened(scene: Scene, blow: Callable[[Scene], float]) -> Outage:
    """Let it happen, wait until it is over and a little longer.

    Args:
        scene: Where.
        blow: Takes something away, waits until it is back, and says when it was taken.
    """
    before = scene.metrics()
    begin = blow(scene)
    back = time.monotonic()
    time.sleep(SETTLE_SECONDS)
    return Outage(begin, back, time.monotonic(), scene.metrics().since(before))


def pause_redis(scene: Scene) -> float:
    """SIGSTOP: it takes connections and says nothing."""
    redis = scene.rig.platform.redis
    process = redis.supervisor.pid(redis.name)
    assert process is not None, "Redis does not run"
    begin = time.monotonic()
    os.kill(process, signal.SIGSTOP)
    try:
        time.sleep(PAUSE_SECONDS)
    finally:
        os.kill(process, signal.SIGCONT)
    return begin


def kill_redis(scene: Scene) -> float:
    """SIGKILL; some seconds later it starts again with what it had on disk."""
    redis = scene.rig.platform.redis
    begin = time.monotonic()
    redis.supervisor.kill(redis.name)
    time.sleep(KILLED_SECONDS)
    redis.restart()
    return begin


def kill_kafka(scene: Scene) -> float:
    """SIGKILL; back when every prediction that waited for it is acknowledged."""
    kafka = scene.rig.platform.kafka
    begin = time.monotonic()
    kafka.supervisor.kill(kafka.name)
    time.sleep(KILLED_SECONDS)
    kafka.restart()
    acknowledged = scene.metrics().by("shop_api_predictions_logged_total", "outcome").get("acknowledged", 0.0)

    def goes_on() -> bool:
        outcomes = scene.metrics().by("shop_api_predictions_logged_total", "outcome")
        return outcomes.get("acknowledged", 0.0) > acknowledged

    wait_until(goes_on, "Kafka takes predictions again", RECOVER_SECONDS)
    return begin


def swap_models(scene: Scene) -> float:
    """Other champions; back when they alone answer."""
    for model in ("fraud", "recommendation"):
        set_champion(scene.rig.shop.models, model, OTHER_VERSION)
    begin = time.monotonic()
    scene.api.process.send_signal(signal.SIGHUP)
    wait_until(lambda: _only_others_answer(scene), "the other models answer", RECOVER_SECONDS)
    return begin


def kill_worker(scene: Scene) -> float:
    """SIGKILL to one of several; back when all are ready."""
    children = psutil.Process(scene.api.process.pid).children()
    count = len(children)
    children[0].kill()
    begin = time.monotonic()
    wait_until(lambda: not _alive(children[0]), "a worker is gone", RECOVER_SECONDS)

    wait_until(lambda: _all_ready(scene, count), "all workers are ready", RECOVER_SECONDS)
    return begin


def _all_ready(scene: Scene, count: int) -> bool:
    if len(psutil.Process(scene.api.process.pid).children()) < count:
        return False
    try:
        return scene.api.get("/ready").status_code == 200
    except httpx.TransportError:
        return False  # asked through a worker that was killed, or of one that is too busy


def _only_others_answer(scene: Scene) -> bool:
    info = scene.metrics().by("shop_api_model_info", "version")
    return {version for version, used in info.items() if used} == {OTHER_VERSION}


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
