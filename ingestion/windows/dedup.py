"""A repeated event id counts once.

An event is a repeat when the same id arrived before it and the previous arrival of that id, counted or not, lies
at most the horizon before it. The rule looks only backwards in arrival order, so a stream and a batch that see
the same arrivals drop the same events.
"""

from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows import cells, fingerprints, remembered
from ingestion.windows.fingerprints import Prints
from ingestion.windows.image import Image, ImageError, take
from ingestion.windows.memory import grown
from ingestion.windows.raw import Ints, Layout, to_raw
from ingestion.windows.spec import ViewSpec

_LEAST = 64
_BLOCK = 8192
"""Events that are looked up together, so that the cache still holds what the first loop has touched."""


def without_repeats(events: pl.DataFrame, spec: ViewSpec) -> pl.DataFrame:
    """The events that count, in their order; arrival order is arrival time, then partition and offset, then row.

    Args:
        events: At least the id and arrival (else event time) columns of `spec`; `_partition` and `_offset` if known.
        spec: Names the columns and the horizon.
    """
    if spec.event_id_column is None or not events[spec.event_id_column].is_duplicated().any():
        return events
    arrival = spec.arrival_column or spec.timestamp_column
    order = [arrival, *(c for c in ("_partition", "_offset") if c in events.columns)]
    gap = pl.col(arrival).diff().over(spec.event_id_column).dt.total_microseconds()
    return (
        events.with_row_index("_row")
        .sort(*order, "_row")
        .filter(
            pl.col(spec.event_id_column).is_null()
            | (gap.fill_null(spec.dedup_horizon_us + 1) > spec.dedup_horizon_us)
        )
        .sort("_row")
        .drop("_row")
    )


class RepeatFilter:
    """Recognises repeats among arriving events; forgets each id when no event can need it any more.

    Hot path, compiled (see `fingerprints` and `remembered`): an id takes 35 to 41 bytes. An arrival may lie up to the
    horizon behind the newest one (partitions are not read in step) and is still judged by the rule: an id is kept for
    twice the horizon. Forgetting goes round the slots, eight for every event, so that it never takes long at once.
    """

    def __init__(self, horizon_us: int) -> None:
        self._horizon_us = horizon_us
        self._points = fingerprints.secret_points()
        self._newest = int(remembered.NEVER)
        self._table = cells.table_for(0)
        self._prints: Prints = np.zeros((_LEAST, 2), dtype=np.uint64)
        self._last: Ints = np.zeros(_LEAST, dtype=np.int64)
        self._state: Ints = np.array([0, remembered.NONE, 0, 0], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._state[remembered.COUNT])

    @property
    def nbytes(self) -> int:
        """Memory taken."""
        top = int(self._state[remembered.TOP])
        return self._table.nbytes + top * (2 * self._prints.itemsize + self._last.itemsize)

    def keep(self, ids: pl.Series, arrivals_us: Ints) -> NDArray[np.bool_]:
        """True where an event counts, shape (events,).

        Args:
            ids: Strings or integers, the same type in all calls; an event without an id counts.
            arrivals_us: Arrival of each, shape (events,). Events come in arrival order.
        """
        if ids.null_count():
            return self._keep_named(ids, arrivals_us)
        asked = self._fingerprints(ids)
        arrivals = np.array(arrivals_us, dtype=np.int64)
        kept = np.empty(len(ids), dtype=np.bool_)
        for begin in range(0, len(ids), _BLOCK):
            block = slice(begin, begin + _BLOCK)
            self._remember(asked[block], arrivals[block], kept[block])
        return kept

    def _keep_named(self, ids: pl.Series, arrivals_us: Ints) -> NDArray[np.bool_]:
        named = ids.is_not_null().to_numpy()
        kept = np.ones(len(ids), dtype=np.bool_)
        if named.any():
            kept[named] = self.keep(ids.drop_nulls(), np.asarray(arrivals_us)[named])
        return kept

    def _fingerprints(self, ids: pl.Series) -> Prints:
        prints = np.empty((len(ids), 2), dtype=np.uint64)
        fingerprints.fingerprint(to_raw(Layout((ids.dtype,)), [ids]), self._points, prints)
        return prints

    def _remember(self, asked: Prints, arrivals: Ints, kept: NDArray[np.bool_]) -> None:
        hashes = _hashes(asked)
        remembered.warm(self._table, hashes, self._prints, self._last)
        done = 0
        while done < len(asked):
            rows = slice(done, None)
            done += remembered.remember(
                self._table, cells.room(self._table), asked[rows], hashes[rows], arrivals[rows],
                self._horizon_us, self._prints, self._last, self._state, kept[rows],
            )  # fmt: skip
            if done < len(asked):
                self._grow()
        self._newest = max(self._newest, int(arrivals.max()))
        self._forget(8 * len(asked))

    def _grow(self) -> None:
        if len(self) >= cells.room(self._table):
            self._table = cells.larger(self._table)
        self._reserve(int(self._state[remembered.TOP]) + 1)

    def _reserve(self, slots: int) -> None:
        used = int(self._state[remembered.TOP])
        self._prints, self._last = grown(self._prints, used, slots), grown(self._last, used, slots)

    def _forget(self, steps: int) -> None:
        before = self._newest - 2 * self._horizon_us
        remembered.forget(self._table, before, steps, self._prints, self._last, self._state)

    def image(self) -> Image:
        """The raw state; see `image` for how long it is valid."""
        top = int(self._state[remembered.TOP])
        return {
            "prints": self._prints[:top],
            "last": self._last[:top],
            "points": self._points,
            "times": np.array([self._horizon_us, self._newest], dtype=np.int64),
        }

    @classmethod
    def from_image(cls, horizon_us: int, image: Image) -> Self:
        """What had the image.

        Raises:
            ImageError: it remembers for another horizon, or is no image of a repeat filter.
        """
        made = cls(horizon_us)
        prints, last = take(image, "prints", np.uint64, dimensions=2), take(image, "last", np.int64)
        points, times = take(image, "points", np.uint64), take(image, "times", np.int64)
        if prints.shape != (len(last), 2) or points.shape != (2,) or times.shape != (2,):
            raise ImageError(
                f"no image of a repeat filter: {prints.shape} fingerprints, {len(last)} arrivals"
            )
        if times[0] != horizon_us:
            raise ImageError(f"the image remembers ids for {times[0]} us, not for {horizon_us} us")
        made._points, made._newest = points.copy(), int(times[1])
        made._fill(prints[last != remembered.NEVER], last[last != remembered.NEVER])
        return made

    def _fill(self, prints: Prints, last: Ints) -> None:
        used = len(last)
        self._table = cells.table_for(used)
        cells.fill(self._table, _hashes(prints), np.arange(used))
        self._reserve(used)
        self._prints[:used], self._last[:used] = prints, last
        self._state[[remembered.TOP, remembered.COUNT]] = used


def _hashes(prints: Prints) -> NDArray[np.uint64]:
    hashes = np.empty(len(prints), dtype=np.uint64)
    remembered.hash_prints(prints, hashes)
    return hashes
