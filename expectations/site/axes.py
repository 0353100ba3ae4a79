"""Axes of charts: which values are marked, and where a value lies."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

_MINUTES: Final = (1, 5, 15, 30, 60, 120, 180, 360, 720, 1440)
"""Steps of an axis of days that is shorter than some days."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Axis:
    """A label and the values at both ends; ``whole`` marks whole numbers only; ``days`` are `days_since_epoch`, marked by date or time."""

    label: str
    low: float
    high: float
    logarithmic: bool = False
    whole: bool = False
    days: bool = False

    @property
    def ticks(self) -> list[float]:
        """Round values from end to end."""
        if self.logarithmic:
            low, high = int(np.ceil(np.log10(self.low) - 1e-9)), int(np.floor(np.log10(self.high) + 1e-9))
            return [10.0**power for power in range(low, high + 1)]
        span = self.high - self.low
        if self.days:
            whole = 1440 * max(1, int(np.ceil(span / 5)))
            minutes = next((m for m in _MINUTES if span * 1440 / m <= 5), whole)
            return self._every((whole if self.whole else minutes) / 1440)
        if self.whole:
            return self._every(1)
        step = 10 ** np.floor(np.log10(span / 4))
        return self._every(step * next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6))

    def _every(self, step: float) -> list[float]:
        first = np.ceil(self.low / step - 1e-9)
        count = int((self.high - first * step) / step + 1e-9) + 1
        return [round(float((first + i) * step), 12) + 0.0 for i in range(count)]

    def scale(self, start: float, end: float) -> Callable[[float], float]:
        """From a value to a place between ``start`` and ``end``; values beyond the axis are held at its ends."""

        def place(value: float) -> float:
            held = min(max(value, self.low), self.high)
            if self.logarithmic:
                share = np.log(held / self.low) / np.log(self.high / self.low)
            else:
                share = (held - self.low) / (self.high - self.low)
            return round(float(start + share * (end - start)), 1)

        return place

    def mark(self, value: float) -> str:
        """What is written at a tick."""
        if self.days:
            instant = _EPOCH + timedelta(minutes=round(value * 1440))
            return f"{instant:%H:%M}" if instant.hour or instant.minute else f"{instant.day} {instant:%b}"
        return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:g}"


def days_since_epoch(instant: datetime) -> float:
    """Place of an aware instant on an axis of days."""
    return (instant - _EPOCH) / timedelta(days=1)
