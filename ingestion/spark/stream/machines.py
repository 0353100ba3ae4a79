"""What is computed of one share: event ids are told apart, windows are kept. Neither knows Spark.

A machine takes one entry of bytes after another; the same entries make the same machine again.
"""

from typing import Final, Self

import polars as pl

from ingestion.archive import ARRIVAL
from ingestion.spark.stream.packing import packed, unpacked
from ingestion.windows.dedup import RepeatFilter
from ingestion.windows.image import Image
from ingestion.windows.incremental import IncrementalExecutor
from ingestion.windows.spec import ViewSpec

ARRIVAL_ORDER: Final = (ARRIVAL, "_partition", "_offset")
"""Of a repeated event the one counts that arrived first."""
NOW_BYTES: Final = 8
UNKNOWN: Final = -1
"""Stands for an instant that nobody has told."""


class Repeats:
    """Tells which events count of those whose ids fall into a share.

    Args:
        event_id: Column of the id.
        horizon_us: How long after its last arrival an id is recognised.
        known: The ids that have arrived; None: none has.
    """

    def __init__(self, event_id: str, horizon_us: int, known: RepeatFilter | None = None) -> None:
        self._event_id = event_id
        self._filter = known or RepeatFilter(horizon_us)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._filter.nbytes

    @staticmethod
    def entry(events: pl.DataFrame, event_id: str) -> bytes:
        """What `take` needs of some events, in arrival order."""
        return packed(events.select(event_id, ARRIVAL))

    def take(self, entry: bytes) -> pl.Series:
        """True for the events that count, shape (events,); they come in arrival order."""
        rows = unpacked(entry)
        return pl.Series(self._filter.keep(rows[self._event_id], rows[ARRIVAL].to_physical().to_numpy()))

    def image(self) -> Image:
        """The raw state."""
        return self._filter.image()

    @classmethod
    def of(cls, event_id: str, horizon_us: int, image: Image) -> Self:
        """What had the image."""
        return cls(event_id, horizon_us, RepeatFilter.from_image(horizon_us, image))


class Windows:
    """The windows of a view over a share of its entities.

    Args:
        spec: The view.
        executor: Its windows; None: nothing has been taken in.
    """

    def __init__(self, spec: ViewSpec, executor: IncrementalExecutor | None = None) -> None:
        self._executor = executor or IncrementalExecutor(spec)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._executor.nbytes

    @staticmethod
    def entry(events: pl.DataFrame | None, now_us: int) -> bytes:
        """Events that count, in arrival order, and what time it is then; `UNKNOWN` where nobody has told."""
        return now_us.to_bytes(NOW_BYTES, "little", signed=True) + (b"" if events is None else packed(events))

    def take(self, entry: bytes) -> list[pl.DataFrame]:
        """The rows that have changed: those that events changed, then those that the time did."""
        now_us, content = int.from_bytes(entry[:NOW_BYTES], "little", signed=True), entry[NOW_BYTES:]
        rows = []
        if content:
            self._executor.update(unpacked(content))
            rows.append(self._executor.take_changed())
        if now_us != UNKNOWN:
            self._executor.advance(now_us)
        # All of them: what waits must not depend on when somebody looked.
        rows.append(self._executor.take_waiting(self._executor.waiting))
        return [part for part in rows if not part.is_empty()]

    def fold(self, events: pl.DataFrame) -> None:
        """Take in what is archived, without repeats and in arrival order; the row of every entity waits."""
        self._executor.fold(events)
        self._executor.await_all()

    def image(self) -> Image:
        """The raw state."""
        return self._executor.image()

    @classmethod
    def of(cls, spec: ViewSpec, image: Image) -> Self:
        """What had the image."""
        return cls(spec, IncrementalExecutor.from_image(spec, image))
