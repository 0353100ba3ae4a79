"""Prequential folds: a fraud model is judged again and again on the days that follow what it was fitted on.

With training windows of length T, a label delay D and assessed windows of length A, three folds before ``settled``, and
the final fold, whose assessed window is the test::

    |---- T ----|<- D ->|- A -|
          |---- T ----|<- D ->|- A -|
                |---- T ----|<- D ->|- A -|
                               |---- T ----|<- D ->|--- test ---|<- D ->|
                                         settled  cut                  end

Candidates are chosen and calibrated, and thresholds set, on the assessed windows of the folds; nothing behind ``cut`` is
known by then, and every order had at least D to be charged back. All windows are half-open, all instants aware UTC.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

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


@dataclass(frozen=True)
class FraudSplit:
    """All windows of a fraud model.

    Attributes:
        folds: Those that candidates compete on, the oldest first.
        final: What the model is fitted on, and the test.
        end: End of the data, at which the labels of the test are read.
    """

    folds: tuple[Fold, ...]
    final: Fold
    end: datetime

    @classmethod
    def before(
        cls,
        end: datetime,
        *,
        train: timedelta,
        delay: timedelta,
        assess: timedelta,
        count: int,
        test: timedelta,
    ) -> Self:
        """Lay the windows out backwards from the end of the data."""
        (final,) = prequential(end - delay, train=train, delay=delay, assess=test, count=1)
        settled = final.train.end
        return cls(prequential(settled, train=train, delay=delay, assess=assess, count=count), final, end)

    @property
    def cut(self) -> datetime:
        """First instant of the test: what the model may know ends here."""
        return self.final.assess.start

    @property
    def start(self) -> datetime:
        """First instant of any window."""
        return min(fold.train.start for fold in (*self.folds, self.final))
