"""Stand-ins for what lies beyond the worker, for tests of its pure parts and for trying it out."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from ingestion.stream.letters import DeadLetter
from ingestion.stream.sink import SinkAwayError


@dataclass
class FakeMessage:
    """A message as Kafka's client hands it out."""

    of: str
    value_bytes: bytes | None
    at: int
    partition_number: int = 0
    arrival_ms: int = 0
    key_bytes: bytes | None = None

    def topic(self) -> str:
        """Name of its topic."""
        return self.of

    def partition(self) -> int:
        """Number of its partition."""
        return self.partition_number

    def offset(self) -> int:
        """Its offset."""
        return self.at

    def key(self) -> bytes | None:
        """The key's bytes."""
        return self.key_bytes

    def value(self) -> bytes | None:
        """The value's bytes."""
        return self.value_bytes

    def timestamp(self) -> tuple[int, int]:
        """Create time, milliseconds."""
        return 1, self.arrival_ms


@dataclass
class MemorySink:
    """Keeps the newest row of each entity as Redis would; can be away.

    Attributes:
        keys: Join keys of each view.
        stored: Newest row of each entity, by view and key.
        pushed: Number of rows in each push, in order.
        away_for: Raise `SinkAwayError` this many times.
        run: Its identity; count it up to start it again.
    """

    keys: Mapping[str, tuple[str, ...]]
    stored: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = field(default_factory=dict)
    pushed: list[tuple[str, int]] = field(default_factory=list)
    away_for: int = 0
    run: int = 1

    def identity(self) -> str:
        """A name, unless away."""
        self.check()
        return f"run-{self.run}"

    def adopt(self, view: str) -> None:
        """Every view is known."""

    def check(self) -> None:
        """Answers, unless away."""
        if self.away_for:
            self.away_for -= 1
            raise SinkAwayError("the fake store is away")

    def push(self, view: str, rows: pl.DataFrame) -> None:
        """Keep the rows, unless away."""
        self.check()
        self.pushed.append((view, rows.height))
        table = self.stored.setdefault(view, {})
        for row in rows.iter_rows(named=True):
            key = tuple(row[name] for name in self.keys[view])
            if key not in table or table[key]["event_timestamp"] <= row["event_timestamp"]:
                table[key] = row

    def remove(self, view: str, entities: pl.DataFrame) -> None:
        """Forget the rows, unless away."""
        self.check()
        for row in entities.iter_rows(named=True):
            self.stored.get(view, {}).pop(tuple(row[name] for name in self.keys[view]), None)


@dataclass
class MemoryLetterBox:
    """Keeps dead letters; those before the last flush are delivered."""

    waiting: list[DeadLetter] = field(default_factory=list)
    delivered: list[DeadLetter] = field(default_factory=list)

    def send(self, letters: Iterable[DeadLetter]) -> None:
        """Not delivered yet."""
        self.waiting.extend(letters)

    def flush(self) -> None:
        """All delivered."""
        self.delivered += self.waiting
        self.waiting = []


@dataclass
class ManualClock:
    """Seconds that pass when told to."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """Seconds now."""
        return self.seconds
