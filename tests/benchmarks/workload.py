"""Events of many keys for the benchmark of the window state: made in chunks, so that they take no memory themselves."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from ingestion.windows.spec import TIMESTAMP, ViewSpec, WindowedFeature

MINUTE: Final = 60_000_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
START_US: Final = 1_767_225_600_000_000
"""2026-01-01, a boundary of every hop."""
PRODUCTS, CATEGORIES = 10_000, 20

_FLOAT, _INT, _TEXT = pl.Float64(), pl.Int64(), pl.String()


def feature(
    column: str, function: str, window_us: int, hop_us: int, dtype: pl.DataType = _FLOAT
) -> WindowedFeature:
    """One aggregation under a derived name."""
    return WindowedFeature(
        f"{column}_{function}_{window_us // MINUTE}", column, function, window_us, hop_us, dtype
    )


def view(*features: WindowedFeature) -> ViewSpec:
    """A view of users whose events have ids and arrive when they happen."""
    return ViewSpec("users", ("user_id",), "time", None, "event_id", DAY, features)


THREE_WINDOWS: Final = view(
    feature("event_id", "count", 10 * MINUTE, MINUTE, _INT),
    feature("amount", "sum", 10 * MINUTE, MINUTE),
    feature("amount", "max", 10 * MINUTE, MINUTE),
    feature("event_id", "count", HOUR, 5 * MINUTE, _INT),
    feature("amount", "mean", HOUR, 5 * MINUTE),
    feature("amount", "std", HOUR, 5 * MINUTE),
    feature("event_id", "count", DAY, HOUR, _INT),
    feature("amount", "sum", DAY, HOUR),
    feature("product_id", "count_distinct", DAY, HOUR, _INT),
    feature("category", "last", DAY, HOUR, _TEXT),
)
"""10 minutes, an hour and a day; ten aggregations."""


@dataclass(frozen=True)
class Users:
    """Users who each have an event every so often, in an order that is drawn anew each time round.

    Attributes:
        count: How many there are.
        events_a_day: Of each of them.
    """

    count: int
    events_a_day: int = 10

    @property
    def events_per_hour(self) -> int:
        """Of all together."""
        return self.count * self.events_a_day // 24

    def chunks(self, rows: int, first_round: int, rounds: int) -> Iterator[pl.DataFrame]:
        """Events of `rounds` times round, in order of time, so many rows at once; no user twice in a round."""
        for number in range(first_round, first_round + rounds):
            order = np.random.default_rng(number).permutation(self.count)
            for start in range(0, self.count, rows):
                yield self._events(order[start : start + rows], number * self.count + start)

    def _events(self, users: np.ndarray, first: int) -> pl.DataFrame:
        numbers = first + np.arange(len(users))
        rng = np.random.default_rng(first)
        return pl.DataFrame(
            {
                "user_id": named("user", users),
                "time": pl.Series(START_US + numbers * (DAY // self.events_a_day) // self.count).cast(
                    TIMESTAMP
                ),
                "event_id": named("event_of_the_shop", numbers),
                "amount": rng.gamma(2.0, 30.0, len(users)),
                "product_id": named("product", rng.integers(0, PRODUCTS, len(users))),
                "category": named("category", rng.integers(0, CATEGORIES, len(users))),
            }
        )


def named(prefix: str, numbers: np.ndarray) -> pl.Series:
    """``prefix_0000042``: names as a shop has them."""
    return pl.select(pl.format(prefix + "_{}", pl.Series(numbers).cast(pl.String).str.zfill(7))).to_series()


def micros(events: pl.DataFrame) -> np.ndarray:
    """Event times, int64 microseconds (events,)."""
    return events["time"].to_physical().to_numpy()
