"""Prequential folds: a model is judged again and again on the days that follow what it was fitted on.

With training windows of length T, a label delay D and assessed windows of length A, three folds before ``end``::

    |---- T ----|<- D ->|- A -|
          |---- T ----|<- D ->|- A -|
                |---- T ----|<- D ->|- A -|
                                         end

All windows are half-open, all instants aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from training.labels import known_at, within, without_compromised
from training.split import Window


@dataclass(frozen=True)
class Fold:
    """A model is fitted on ``train``, with labels as they were known at the start of ``assess``, and judged there."""

    train: Window
    assess: Window

    def training_rows(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows of the training window with ``is_fraud`` (Int8) as it was known when the assessed window began."""
        return known_at(within(rows, self.train), self.assess.start)

    def assessed_rows(self, rows: pl.DataFrame, frauds: pl.DataFrame, end: datetime) -> pl.DataFrame:
        """Rows of the assessed window with ``is_fraud`` as known at ``end``, customers known as compromised taken out.

        Args:
            rows: ``user_id``, ``event_timestamp``, ``fraud_known_at`` and others.
            frauds: The same three columns of all frauds since the training window began.
            end: Instant at which the labels are read.
        """
        since = frauds.filter(pl.col("event_timestamp") >= self.train.start)
        return without_compromised(known_at(within(rows, self.assess), end), since)


def prequential(
    end: datetime, *, train: timedelta, delay: timedelta, assess: timedelta, count: int
) -> tuple[Fold, ...]:
    """``count`` folds, the oldest first; the last assessed window ends at ``end``."""
    starts = [end - assess * back for back in range(count, 0, -1)]
    return tuple(
        Fold(Window(start - delay - train, start - delay), Window(start, start + assess)) for start in starts
    )
