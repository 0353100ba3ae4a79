"""Where in time a model is fitted, validated and tested. All windows are half-open, all instants aware UTC.

For fraud see `training.folds`. Recommendation, with the horizon H in which an order answers a recommendation::

    |- tables of the slates -|------- instants -------|<- H ->|--- test ---|
                           start                             cut          end
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self


@dataclass(frozen=True)
class Window:
    """The instants ``start <= t < end``."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"window [{self.start}, {self.end}) is empty; give the windows more days")


@dataclass(frozen=True)
class RecommendationSplit:
    """Windows of instants; ``cut`` ends what the ranker and its tables may have seen."""

    fit: Window
    validation: Window
    test: Window

    @property
    def cut(self) -> datetime:
        """First instant of the test."""
        return self.test.start

    @classmethod
    def before(cls, end: datetime, *, train_days: float, test_days: float, horizon: timedelta) -> Self:
        """Lay the windows out backwards from the end of the data; a quarter of the training validates."""
        cut = end - timedelta(days=test_days)
        train_end = cut - horizon
        middle = train_end - timedelta(days=train_days / 4)
        return cls(
            fit=Window(train_end - timedelta(days=train_days), middle),
            validation=Window(middle, train_end),
            test=Window(cut, end),
        )
