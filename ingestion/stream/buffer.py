"""What was read but is not durable yet: rows for the archive and the offsets that may be committed behind them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from ingestion.stream.messages import Partition, TopicBatch


@dataclass(frozen=True, slots=True)
class Held:
    """The content of a buffer.

    Attributes:
        rows: Rows of each topic, in the order read.
        next_offsets: Offset behind the last message read, of each partition.
    """

    rows: Mapping[str, pl.DataFrame]
    next_offsets: Mapping[Partition, int]


class Buffer:
    """Bounded by rows and age: `is_due` says when to make its content durable.

    Args:
        max_rows: Due at this many rows.
        max_age_seconds: Due this long after the first message came in.
        monotonic: Seconds of a clock that never goes back.
    """

    def __init__(self, max_rows: int, max_age_seconds: float, monotonic: Callable[[], float]) -> None:
        self._max_rows = max_rows
        self._max_age_seconds = max_age_seconds
        self._monotonic = monotonic
        self._clear()

    def _clear(self) -> None:
        self._frames: dict[str, list[pl.DataFrame]] = {}
        self._next_offsets: dict[Partition, int] = {}
        self._rows = 0
        self._since: float | None = None

    def __len__(self) -> int:
        return self._rows

    def add(self, batch: TopicBatch, rows: pl.DataFrame) -> None:
        """Hold the rows of a batch; it may have none, its offsets count all the same."""
        if self._since is None:
            self._since = self._monotonic()
        if not rows.is_empty():
            self._frames.setdefault(batch.topic, []).append(rows)
            self._rows += rows.height
        self._next_offsets |= batch.next_offsets()

    @property
    def is_empty(self) -> bool:
        """Whether neither rows nor offsets are held."""
        return self._since is None

    def is_due(self) -> bool:
        """Whether there is enough, or something old enough, to be made durable."""
        if self._since is None:
            return False
        return self._rows >= self._max_rows or self._monotonic() - self._since >= self._max_age_seconds

    def content(self) -> Held:
        """What is held; `clear` once it is durable."""
        return Held(
            {topic: pl.concat(frames) for topic, frames in self._frames.items()}, dict(self._next_offsets)
        )

    def clear(self) -> None:
        """Forget everything."""
        self._clear()
