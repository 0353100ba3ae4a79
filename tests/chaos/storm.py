"""A storm: load that never stops, blows in between, and the comparison with the truth when it is over."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from feast import FeatureStore

from tests.chaos.crew import Crew, crew
from tests.chaos.feeder import Feeder, feeding
from tests.chaos.load import Load
from tests.chaos.shop import CHARGEBACKS, ORDERS, Shop, event_source
from tests.chaos.truth import (
    Key,
    Logged,
    Position,
    Read,
    ViewTruth,
    archive_faults,
    committed,
    ends,
    letter_faults,
    log_of,
    rows_of,
)
from tests.integration.ingestion.stream.worker_process import wait_for

TOPICS = (ORDERS, CHARGEBACKS)
DRAIN_SECONDS = 120.0
BEHIND_A_BOUNDARY_SECONDS = 0.5
"""Rows of windows that lost a tile are pushed by then; every boundary is a full second."""
ROWS_AT_ONCE = 300
"""They are read in a few hundredths of a second."""


def seed() -> int:
    """CHAOS_SEED, or one drawn from the clock; printed with every failure, so that a storm can be repeated."""
    return int(os.environ.get("CHAOS_SEED") or time.time())


@dataclass(frozen=True)
class Compared:
    """What came of a comparison.

    Attributes:
        rows: How many rows were compared.
        messages: How many messages the topics have.
        row_faults: Rows that are not what the oracle says.
        log_faults: Where archives or dead letters have lost or doubled messages.
    """

    rows: int
    messages: int
    row_faults: list[str]
    log_faults: list[str]


@dataclass
class Storm:
    """Everything that takes part.

    Attributes:
        random: What is not drawn by the load.
        kills: How many workers were killed.
        refused: Positions of messages that broke a contract when they were read, though they keep the one of today.
        told: What happened, in order.
    """

    seed: int
    shop: Shop
    load: Load
    feeder: Feeder
    crew: Crew
    random: Random
    kills: int = 0
    refused: set[Position] = field(default_factory=set)
    told: list[str] = field(default_factory=list)

    def broken(self, message: Logged) -> bool:
        """Whether a message was drawn to break its contract, or broke one that was stricter."""
        return message.value in self.load.broken or message.position in self.refused

    def tell(self, what: str) -> None:
        self.told.append(f"{self.feeder.sent:>7} sent: {what}")

    def doom(self, point: str, count: int, name: str = "one") -> None:
        """Let a worker run until it dies at the n-th passing of a point; one that runs under its name is stopped before."""
        if name in self.crew.members:
            self.crew.stop(name)
        self.tell(f"{name} is killed at {point}, time {count}")
        self.crew.start(name, point, str(count))
        self.crew.await_death(name)
        self.kills += 1

    def kill_in(self, seconds: float, name: str = "one") -> None:
        """Kill a worker so long after one was ready."""
        self.awake()
        time.sleep(seconds)
        self.tell(f"{name} is killed {seconds:.3f} s after a worker was ready")
        self.crew.kill(name)
        self.kills += 1

    def awake(self) -> None:
        """At least one worker works."""
        if not self.crew.members:
            self.crew.start("one")
        self.crew.await_ready()

    def check(self) -> None:
        """Let the workers drain everything, then compare; the load rests meanwhile.

        Raises:
            AssertionError: with the seed, what happened, and the first entity that is wrong.
        """
        rests = self.feeder.is_paused
        compared = self.compare()
        faults = compared.row_faults + compared.log_faults
        assert not faults, self._report(faults)
        if not rests:
            self.feeder.resume()

    def compare(self) -> "Compared":
        """Let the load rest, the workers drain everything, and hold all rows, archives and dead letters against the truth."""
        self.feeder.pause()
        self.awake()
        self.crew.await_rest()
        self._drain()
        logs = self.logs()
        views = [ViewTruth(s, logs[event_source(s)], self.broken) for s in self.shop.specs()]
        rows, messages = sum(len(view.keys) for view in views), sum(map(len, logs.values()))
        self.tell(f"compared {rows} rows, {messages} messages")
        return Compared(rows, messages, self._row_faults(views), self._log_faults(logs))

    def end(self) -> None:
        """The last comparison; then all workers stop in order and leave everything as it is."""
        self.feeder.pause()
        self.check()
        self.crew.stop_all()
        faults = self._log_faults(self.logs())
        assert not faults, self._report(faults)
        assert self._is_drained(), self._history()

    def logs(self) -> dict[str, list[Logged]]:
        """What Kafka has of the event topics."""
        return {topic: log_of(self.shop.kafka.bootstrap, topic) for topic in TOPICS}

    def _log_faults(self, logs: dict[str, list[Logged]]) -> list[str]:
        broken, bootstrap = self.broken, self.shop.kafka.bootstrap
        letters = log_of(bootstrap, self.shop.dead_letter_topic)
        faults = letter_faults(letters, [m for log in logs.values() for m in log], broken)
        for topic, log in logs.items():
            faults += archive_faults(self.shop.archive(topic), log, broken)
        return faults

    def _drain(self) -> None:
        wait_for(self._is_drained, f"everything to be committed; so far:\n{self._history()}", DRAIN_SECONDS)

    def _is_drained(self) -> bool:
        bootstrap, due = self.shop.kafka.bootstrap, ends(self.shop.kafka.bootstrap, TOPICS)
        there = committed(bootstrap, self.shop.name, due)
        return all(there[place] == end for place, end in due.items() if end)

    def _row_faults(self, views: list[ViewTruth]) -> list[str]:
        """Rows that are wrong in two readings one after the other: one may have met a push."""
        store = self.shop.store()
        readings = [(view, read(store, view), read(store, view)) for view in views]
        return [
            f"{view.spec.name} {key} {fault}\n  {again[key]}\n{view.told(key)}"
            for view, once, again in readings
            for key in view.keys
            if view.fault(key, once[key]) and (fault := view.fault(key, again[key]))
        ]

    def _report(self, faults: list[str]) -> str:
        shown = "\n".join(faults[:3])
        return f"CHAOS_SEED={self.seed}: {len(faults)} faults, the first:\n{shown}\n{self._history()}"

    def _history(self) -> str:
        return "\n".join([f"CHAOS_SEED={self.seed}", *self.told])


def read(store: FeatureStore, view: ViewTruth) -> dict[Key, Read]:
    """All rows of a view, each at an instant between two boundaries, with time for what the first of them changed."""
    found: dict[Key, Read] = {}
    for first in range(0, len(view.keys), ROWS_AT_ONCE):
        keys = view.keys[first : first + ROWS_AT_ONCE]
        time.sleep(max(0.0, BEHIND_A_BOUNDARY_SECONDS - time.time() % 1))
        found |= rows_of(store, view.spec, keys)
    return found


@contextmanager
def storm(folder: Path, shop: Shop, *, per_second: int, **settings: str) -> Iterator[Storm]:
    """Load comes in and no worker runs yet; prints what happened at the end."""
    number = seed()
    load = Load(number)
    with (
        feeding(shop.kafka.bootstrap, load, per_second) as feeder,
        crew(shop.environment(**settings), folder / "logs") as members,
    ):
        what = Storm(number, shop, load, feeder, members, Random(number))
        try:
            yield what
        finally:
            print(what._history())


def shuffled(random: Random, acts: list[Callable[[], None]]) -> list[Callable[[], None]]:
    """In an order that the seed decides."""
    return random.sample(acts, len(acts))
