"""A broker, a consumer group and its members in memory, and threads that do their work when told to: for tests of the worker."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from typing import Any

from ingestion.stream.fakes import FakeMessage
from ingestion.stream.messages import Partition
from ingestion.stream.units import LEAD_PART, PARTS

Parts = frozenset[int]


@dataclass
class MemoryBroker:
    """Messages and committed offsets.

    Attributes:
        log: Messages of each partition, by offset.
        commits: Committed offset of each partition.
        born: Counted up when the topics are made anew.
    """

    log: dict[Partition, list[FakeMessage]]
    commits: dict[Partition, int] = field(default_factory=dict)
    born: int = 1

    @classmethod
    def of(cls, topic: str, partitions: int) -> "MemoryBroker":
        """One empty topic."""
        return cls({(topic, number): [] for number in range(partitions)})

    def send(self, place: Partition, value: bytes, arrival_ms: int) -> None:
        """Append a message."""
        messages = self.log[place]
        messages.append(FakeMessage(place[0], value, len(messages), place[1], arrival_ms, b"key"))

    def committed(self, topics: Iterable[str]) -> dict[Partition, int | None]:
        """As `Inquiry.committed`."""
        return {place: self.commits.get(place) for place in self.log if place[0] in set(topics)}

    def bounds(self, places: Iterable[Partition]) -> dict[Partition, tuple[int, int]]:
        """As `Inquiry.bounds`."""
        return {place: (0, len(self.log[place])) for place in places}

    def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        """As `Inquiry.topic_ids`."""
        return {topic: f"{topic}-{self.born}" for topic in topics}

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class MemoryReader:
    """As `SideReader`."""

    broker: MemoryBroker
    at: dict[Partition, int]
    ends: dict[Partition, int] = field(default_factory=dict)

    def read(self, most: int, _wait_seconds: float) -> list[FakeMessage]:
        """What there is, one partition after the other."""
        read: list[FakeMessage] = []
        for place, position in self.at.items():
            taken = self.broker.log[place][position : position + most - len(read)]
            self.at[place] += len(taken)
            read += taken
            if self.at[place] == len(self.broker.log[place]):
                self.ends[place] = self.at[place]
        return read

    def close(self) -> None:
        """Nothing is open."""


class MemoryConsumer:
    """As `EventConsumer`; a `MemoryGroup` gives it parts.

    Attributes:
        is_known: Whether the group still knows it.
        while_waiting: Called when it waits, with the seconds.
    """

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._reader = MemoryReader(broker, {})
        self._terms = 0
        self.positions: dict[Partition, int] = {}
        self.parts: Parts = frozenset()
        self.changes = 0
        self.term = 0
        self.is_known = True
        self.while_waiting: Callable[[float], None] = lambda _: None
        self.on_release: Callable[[Parts], None] = lambda _: None
        self.on_loss: Callable[[Parts], None] = lambda _: None

    def join(self, on_release: Callable[[Parts], None], on_loss: Callable[[Parts], None]) -> None:
        """Remember the callbacks."""
        self.on_release, self.on_loss = on_release, on_loss

    def give(self, parts: Parts) -> None:
        """Parts are assigned."""
        self.parts |= parts
        self.changes += bool(parts)
        if LEAD_PART in parts:
            self._terms += 1
            self.term = self._terms

    def take(self, parts: Parts, *, in_order: bool) -> None:
        """Parts are revoked, or lost."""
        gone = self.parts & parts
        if gone:
            (self.on_release if in_order else self.on_loss)(gone)
        self.parts -= gone
        self.changes += bool(gone)
        if LEAD_PART in gone:
            self.term = 0

    def wait(self, seconds: float) -> None:
        """Whatever happens meanwhile."""
        self.while_waiting(seconds)

    def side(self, starts: Mapping[Partition, int]) -> MemoryReader:
        """As `EventConsumer.side`."""
        return MemoryReader(self._broker, dict(starts))

    def begin(self, starts: Mapping[Partition, int]) -> None:
        """As `EventConsumer.begin`."""
        self.positions |= starts
        self._reader.at |= starts

    def leave(self, topics: Iterable[str]) -> None:
        """As `EventConsumer.leave`."""
        names = set(topics)
        for place in [place for place in self.positions if place[0] in names]:
            del self.positions[place], self._reader.at[place]

    def read(self, most: int, wait_seconds: float, _linger_seconds: float) -> list[FakeMessage]:
        """What there is."""
        return self._reader.read(most, wait_seconds)

    def passed(self, next_offsets: Mapping[Partition, int]) -> None:
        """As `EventConsumer.passed`."""
        self.positions |= {place: offset for place, offset in next_offsets.items() if place in self.positions}

    def commit(self, next_offsets: Mapping[Partition, int]) -> bool:
        """Refused when the group no longer knows the member."""
        if self.is_known:
            self._broker.commits |= next_offsets
        return self.is_known

    def is_member(self) -> bool:
        """As `EventConsumer.is_member`."""
        if not self.is_known:
            self.take(self.parts, in_order=False)
        return self.is_known

    def lag(self) -> dict[Partition, int]:
        """Messages behind each position."""
        return {place: len(self._broker.log[place]) - offset for place, offset in self.positions.items()}

    def close(self) -> None:
        """Gives its parts up in order."""
        self.take(self.parts, in_order=True)
        self.is_known = False


@dataclass
class MemoryGroup:
    """Who has which parts."""

    members: list[MemoryConsumer] = field(default_factory=list)

    def join(self, member: MemoryConsumer) -> None:
        """A new member gets its share of the parts from the others, in order."""
        self.members.append(member)
        self.balance()

    def leave(self, member: MemoryConsumer, *, in_order: bool) -> None:
        """Its parts go to the others; one that was killed is not asked."""
        self.members.remove(member)
        if in_order:
            member.close()
        member.is_known = False
        self.balance()

    def balance(self) -> None:
        """Each member has its share: parts by their number, as few as possible moved."""
        if not self.members:
            return
        most = -(-PARTS // len(self.members))
        for member in self.members:
            member.take(frozenset(sorted(member.parts)[most:]), in_order=True)
        for member in self.members:
            free = sorted(frozenset(range(PARTS)) - frozenset().union(*(m.parts for m in self.members)))
            member.give(frozenset(free[: most - len(member.parts)]))

    def move(self, parts: Parts, to: MemoryConsumer) -> None:
        """Parts go to another member, in order."""
        for member in self.members:
            if member is not to:
                member.take(parts, in_order=True)
        to.give(parts - to.parts)


class ManualThreads(Executor):
    """Does what was submitted when told to, one call after the other."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Future[Any], Callable[[], Any]]] = []

    def submit(self, act: Callable[..., Any], /, *args: Any, **options: Any) -> "Future[Any]":
        """Let it wait."""
        future: Future[Any] = Future()
        self._waiting.append((future, lambda: act(*args, **options)))
        return future

    def work(self) -> int:
        """Do everything that waits; returns how much that was."""
        waiting, self._waiting = self._waiting, []
        for future, act in waiting:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(act())
                except BaseException as error:  # noqa: BLE001  # whoever asks for the result gets it
                    future.set_exception(error)
        return len(waiting)
