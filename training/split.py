"""Where in time a model is fitted, validated and tested. All windows are half-open, all instants aware UTC.

Fraud, with the delay D in which a chargeback is waited for::

    |--- fit ---|- validation -|<- D ->|--- test ---|<- D ->|
                                      cut                  end
    labels of fit and validation: chargebacks that had arrived by cut
    labels of test:               chargebacks that had arrived by end

Nothing behind ``cut`` is known when the model is made, and every order had at least D to be charged back.

Recommendation, with the horizon H in which an order answers a recommendation::

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
class FraudSplit:
    """Windows of order times, and the instants at which labels are read."""

    fit: Window
    validation: Window
    test: Window
    cut: datetime
    end: datetime

    @classmethod
    def before(
        cls, end: datetime, *, train_days: float, validation_days: float, delay_days: float, test_days: float
    ) -> Self:
        """Lay the windows out backwards from the end of the data.

        Raises:
            ValueError: if the validation slice leaves nothing to fit on.
        """
        delay = timedelta(days=delay_days)
        test = Window(end - delay - timedelta(days=test_days), end - delay)
        train_end = test.start - delay
        middle = train_end - timedelta(days=validation_days)
        return cls(
            fit=Window(train_end - timedelta(days=train_days), middle),
            validation=Window(middle, train_end),
            test=test,
            cut=test.start,
            end=end,
        )


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
