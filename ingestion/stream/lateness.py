"""Counts late events: they are used like any other, an operator wants to know how many there are."""

import numpy as np
import polars as pl


class Lateness:
    """The newest event time of one topic and what came in behind it.

    Args:
        timestamp_column: Event time of the rows.
        allowed_us: How far behind the newest event another may be before it counts as late.
    """

    def __init__(self, timestamp_column: str, allowed_us: int) -> None:
        self._column = timestamp_column
        self._allowed_us = allowed_us
        self.newest_us: int | None = None

    @property
    def watermark_us(self) -> int | None:
        """Event time up to which we believe to have seen the events; None before the first."""
        return None if self.newest_us is None else self.newest_us - self._allowed_us

    def observe(self, rows: pl.DataFrame) -> int:
        """Take a batch in, in the order read; returns how many of its rows are late."""
        times = rows[self._column].to_physical().to_numpy()
        if not times.size:
            return 0
        known = times[0] if self.newest_us is None else self.newest_us
        newest = np.maximum(np.maximum.accumulate(times), known)
        self.newest_us = int(newest[-1])
        return int(np.count_nonzero(times < newest - self._allowed_us))
