"""Workers over a broker in memory, with a real archive and real snapshots; every step of theirs happens when a test says so."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event as Flag
from typing import Any
from zlib import crc32

from ingestion.erasures.kept import Erasures
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import WallClock
from ingestion.stream.fake_kafka import ManualThreads, MemoryBroker, MemoryConsumer, MemoryGroup
from ingestion.stream.fakes import ManualClock, MemoryLetterBox, MemorySink
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.settings import StreamSettings
from ingestion.stream.snapshots import SnapshotStore
from ingestion.stream.status import Status
from ingestion.stream.worker import Parts, Worker
from tests import oracle
from tests.unit.ingestion.stream.shop import DAY_US, SECOND, order, orders_topic

PARTITIONS = 3
FORK = False
"""In place, snapshots are there at once."""


@dataclass
class Mate:
    """One worker and what is its own."""

    worker: Worker
    consumer: MemoryConsumer
    threads: ManualThreads
    registered: list[Any] = field(default_factory=list)

    def turn(self) -> None:
        self.threads.work()
        self.worker.turn()

    @property
    def is_quiet(self) -> bool:
        """Whether it has read everything and nothing of it waits; what it has read may not be archived yet."""
        worker = self.worker
        leads = worker._pipeline.lead is not None or not self.consumer.term
        there = worker._holdings.works.keys() <= worker._pipeline.units.keys()
        waits = any(state.executor.waiting for state in worker._pipeline.units.values())
        return leads and there and not (waits or self.registered or any(self.consumer.lag().values()))


@dataclass
class Crew:
    """Some workers of one group."""

    folder: Path
    settings: StreamSettings
    topic: EventTopic

    def __post_init__(self) -> None:
        self.now = ManualClock()
        self.broker = MemoryBroker.of("orders", PARTITIONS)
        self.group = MemoryGroup()
        self.sink = MemorySink({spec.name: spec.join_keys for spec in self.topic.specs})
        self.mates: list[Mate] = []
        self.frozen: list[Mate] = []
        self.sent: list[dict[str, Any]] = []

    def wall_us(self) -> int:
        return DAY_US + round(self.now.seconds * SECOND)

    def hire(self) -> Mate:
        """One more worker; the others give up parts in order."""
        consumer, threads = MemoryConsumer(self.broker), ManualThreads()
        registered: list[Any] = []
        parts = Parts(
            topics=[self.topic],
            read_again=lambda: registered.pop() if registered else None,
            consumer=consumer,  # type: ignore[arg-type]
            broker=self.broker,
            letters=MemoryLetterBox(),
            sink=self.sink,
            snapshots=SnapshotStore(self.folder / "snapshots", self.folder / "outbox", fork=FORK),
            erasures=Erasures(self.folder / "erasures"),
            threads=threads,
            new_clock=lambda: WallClock(self.wall_us),
            wall_us=self.wall_us,
            monotonic=self.now,
            status=Status(StreamMetrics()),
            stop=Flag(),
        )
        mate = Mate(Worker(parts, self.settings), consumer, threads, registered)
        self.mates.append(mate)
        consumer.while_waiting = self._wait
        mate.worker.begin()
        self.group.join(consumer)
        return mate

    def fire(self, mate: Mate) -> None:
        """Stopped in order."""
        self.mates.remove(mate)
        mate.worker.finish()
        mate.worker.close()
        self.group.leave(mate.consumer, in_order=True)

    def kill(self, mate: Mate) -> None:
        """Gone from one moment to the next."""
        self.mates.remove(mate)
        self.group.leave(mate.consumer, in_order=False)

    def _wait(self, seconds: float) -> None:
        self.now.seconds += max(seconds, 0.001)

    def move_while_away(self, parts: frozenset[int], mate: Mate) -> None:
        """Parts go to a worker while another one waits for the store in the middle of a push."""

        def wait(seconds: float) -> None:
            self._wait(seconds)
            if self.sink.away_for == 1:
                self.group.move(parts, mate.consumer)

        self.sink.away_for = 2
        for other in self.mates:
            other.consumer.while_waiting = wait
        for other in self.mates:
            other.worker.turn()
        for other in self.mates:
            other.consumer.while_waiting = self._wait

    def freeze(self, mate: Mate) -> None:
        """It does nothing for longer than the others wait for it."""
        self.mates.remove(mate)
        self.frozen.append(mate)
        self.group.leave(mate.consumer, in_order=False)

    def thaw(self) -> None:
        """It goes on as if nothing had happened, until it notices; then it comes back into the group."""
        mate = self.frozen.pop()
        self.now.seconds += 7
        mate.turn()
        mate.turn()
        # No member is given parts anew before it was told that it has lost those of before.
        mate.consumer.is_member()
        mate.consumer.is_known = True
        self.mates.append(mate)
        self.group.join(mate.consumer)

    def send(self, number: int, seconds_ago: float, user: str, product: str, amount: float) -> None:
        """An order that happened some time ago arrives now; of a number that was sent before, that order again."""
        self.now.seconds += 0.001
        arrival_us = self.wall_us() // 1000 * 1000
        at = (arrival_us - DAY_US) / SECOND - seconds_ago
        if first := next((event for event in self.sent if event["id"] == f"o{number}"), None):
            at, user, product, amount = (first[name] for name in ("at", "user_id", "product_id", "amount"))
        message = order(number, at, user, product, amount)
        self.sent.append(
            {
                "id": f"o{number}",
                "at": at,
                "arrival": arrival_us,
                "user_id": user,
                "product_id": product,
                "amount": amount,
            }
        )
        self.broker.send(("orders", crc32(user.encode()) % PARTITIONS), message, arrival_us // 1000)

    def settle(self, turns: int = 60) -> None:
        """Until nothing is left to be done, at most so many turns."""
        self.now.seconds += 0.01
        for _ in range(turns):
            for mate in self.mates:
                mate.turn()
            if all(mate.is_quiet for mate in self.mates):
                return

    def rest(self) -> None:
        """Time for an archive file and a snapshot."""
        for _ in range(6):
            self.now.seconds += 2
            for mate in self.mates:
                mate.turn()

    def apply(self, topic: EventTopic) -> None:
        """The definitions change; running workers see it when they look again."""
        self.topic = topic
        self.sink.keys = {**self.sink.keys, **{spec.name: spec.join_keys for spec in topic.specs}}
        for mate in self.mates:
            mate.registered[:] = [[topic]]

    def differences(self) -> list[str]:
        """Where the store differs from the oracle now, over all entities that ever had an order."""
        return [
            f"{spec.name} {key}: {name} is {ours}, should be {truth}"
            for spec in self.topic.specs
            for key in {event[spec.join_keys[0]] for event in self.sent}
            for name, (ours, truth) in self._differences(spec, key).items()
        ]

    def _differences(self, spec: Any, key: str) -> dict[str, Any]:
        events = [
            oracle.Event(
                (event[spec.join_keys[0]],),
                DAY_US + round(event["at"] * SECOND),
                event["arrival"],
                event["id"],
                {"order_id": event["id"], "amount": event["amount"]},
            )
            for event in self.sent
        ]
        truth = oracle.row(spec, events, (key,), self.wall_us())
        ours = self.sink.stored.get(spec.name, {}).get((key,))
        if ours is None:
            return {f.name: (None, truth[f.name]) for f in spec.features if truth[f.name]}
        return oracle.differences(spec, ours, truth)

    def archived(self) -> list[tuple[int, int]]:
        """Partition and offset of every archived row."""
        if not self.topic.archive.days():
            return []
        return sorted(self.topic.archive.scan(None, None).select("_partition", "_offset").collect().rows())

    def everything_sent(self) -> list[tuple[int, int]]:
        return sorted((number, m.at) for (_, number), log in self.broker.log.items() for m in log)


@contextmanager
def crew(shares: int = 1, **settings: Any) -> Iterator[Crew]:
    """Small batches, an archive file for each, snapshots whenever there is time."""
    own = {
        "stream_shares": shares,
        "stream_batch_max_messages": 7,
        "stream_archive_seconds": 1.0,
        "stream_snapshot_seconds": 2.0,
        "stream_refresh_seconds": 0.5,
        "stream_start_timeout_seconds": 3_600.0,
        **settings,
    }
    with tempfile.TemporaryDirectory() as folder:
        yield Crew(Path(folder), StreamSettings(**own), orders_topic(Path(folder) / "data"))


def with_view(topic: EventTopic, spec: Any) -> EventTopic:
    """The topic with one more view, or with one of this name defined anew."""
    return replace(topic, specs=(*(s for s in topic.specs if s.name != spec.name), spec))
