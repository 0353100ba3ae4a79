"""What a windowed view computes, compiled to plain data.

All instants are microseconds since the Unix epoch. A feature at instant ``t`` aggregates the events with
``window_start(t) <= event time < t``; see `WindowedFeature.window_start`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import polars as pl

FUNCTIONS: Final = ("sum", "count", "mean", "min", "max", "std", "count_distinct", "last")
ZERO_WHEN_EMPTY: Final = frozenset({"sum", "count", "count_distinct"})
TIMESTAMP: Final = pl.Datetime("us", "UTC")


class SpecError(ValueError):
    """A windowed view that cannot be computed as it is defined."""


@dataclass(frozen=True)
class WindowedFeature:
    """One aggregation: a function of a column over a sawtooth window.

    Attributes:
        name: Feature name as registered in Feast.
        column: Column of the events; its nulls are skipped by every function, `count` included.
        function: One of `FUNCTIONS`.
        window_us: Longest length of the window, a whole multiple of `hop_us`.
        hop_us: Step in which the tail of the window moves.
        dtype: Polars type of the value.
    """

    name: str
    column: str
    function: str
    window_us: int
    hop_us: int
    dtype: pl.DataType

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise SpecError(
                f"feature {self.name!r}: no function {self.function!r}; there are {', '.join(FUNCTIONS)}"
            )
        if self.hop_us <= 0 or self.window_us <= 0 or self.window_us % self.hop_us:
            raise SpecError(
                f"feature {self.name!r}: the window ({self.window_us} us) must be a whole multiple of its hop "
                f"({self.hop_us} us), both above zero"
            )

    def window_start(self, instant_us: int) -> int:
        """First instant inside the window that ends at (and excludes) `instant_us`."""
        return (instant_us // self.hop_us + 1) * self.hop_us - self.window_us

    def leaves_at(self, event_us: int) -> int:
        """Boundary at which the tile of an event leaves the window: the first instant that does not see it."""
        return event_us // self.hop_us * self.hop_us + self.window_us


@dataclass(frozen=True)
class ViewSpec:
    """A windowed view: keys, event columns and features.

    Attributes:
        name: Name of the Feast view.
        join_keys: Columns that together identify an entity.
        timestamp_column: Event time.
        arrival_column: When an event was received; None: events arrive when they happen.
        event_id_column: Column that identifies an event; None: no event is a repeat.
        dedup_horizon_us: How long after its last arrival an event id is still recognised, in arrival time.
        features: In the order of the view's schema.
    """

    name: str
    join_keys: tuple[str, ...]
    timestamp_column: str
    arrival_column: str | None
    event_id_column: str | None
    dedup_horizon_us: int
    features: tuple[WindowedFeature, ...]

    @cached_property
    def windows(self) -> tuple[tuple[int, int], ...]:
        """Distinct (window, hop) pairs in microseconds, by hop, then window."""
        pairs = {(f.window_us, f.hop_us) for f in self.features}
        return tuple(sorted(pairs, key=lambda pair: (pair[1], pair[0])))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of the events that evaluation and deduplication read, each once."""
        wanted = [*self.join_keys, self.timestamp_column, self.arrival_column, self.event_id_column]
        return tuple(dict.fromkeys([c for c in wanted if c] + [f.column for f in self.features]))

    @property
    def longest_us(self) -> int:
        """How long before an instant an event can lie and still count at it."""
        return max(window for window, _ in self.windows)

    @property
    def schema(self) -> Mapping[str, pl.DataType]:
        """Name and type of every feature."""
        return {f.name: f.dtype for f in self.features}

    def definition_hash(self) -> str:
        """Hash of everything that decides a value; Feast's own equality ignores the aggregations."""
        definition = {
            "join_keys": self.join_keys,
            "timestamp": self.timestamp_column,
            "arrival": self.arrival_column,
            "event_id": self.event_id_column,
            "dedup_horizon_us": self.dedup_horizon_us,
            "features": [
                [f.name, f.column, f.function, f.window_us, f.hop_us, str(f.dtype)] for f in self.features
            ],
        }
        return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:16]
