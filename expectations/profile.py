"""Figures of one day's events of one type, small enough to keep for many days. Pure: a frame in, numbers out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from expectations.definitions import EventDefinition

QUANTILES: Final = (0.1, 0.5, 0.9, 0.99)
_MINUTES: Final = 24 * 60
_ROWS_IN_TAIL: Final = 50
"""A quantile is taken where at least so many rows lie beyond it; that of fewer is left to chance."""
_MIDDLE: Final = (0.01, 0.99)
"""Late events lie in their own day: offsets outside the middle of a day's belong to other days' messages."""


@dataclass(frozen=True)
class Profile:
    """A day.

    Attributes:
        events: Rows.
        minutes: int64[1440]; events of each minute of the day, UTC.
        quantiles: For each column of numbers, its quantiles that the number of rows allows.
        null_shares: For each column that may be null, the share of nulls.
        lag_seconds: Median of arrival time minus event time; None without events.
        same_instant: Most events that share one event time.
        partitions: Partitions of Kafka that the events came from; 0 where they were loaded from files.
        offsets_missing: Share of offsets between the day's first and last that are not in the archive.
    """

    events: int
    minutes: npt.NDArray[np.int64]
    quantiles: Mapping[str, Mapping[float, float]] = field(default_factory=dict)
    null_shares: Mapping[str, float] = field(default_factory=dict)
    lag_seconds: float | None = None
    same_instant: int = 0
    partitions: int = 0
    offsets_missing: float = 0

    @property
    def hours(self) -> npt.NDArray[np.int64]:
        """int64[24]; events of each hour."""
        return self.minutes.reshape(24, 60).sum(axis=1)


EMPTY: Final = Profile(0, np.zeros(_MINUTES, dtype=np.int64))
"""A day on which nothing happened."""


def profile(frame: pl.DataFrame, events: EventDefinition) -> Profile:
    """Figures of a day's events; columns that the frame lacks, or has as another type, are left out."""
    if frame.is_empty() or not _has_times(frame, events):
        return EMPTY
    times = frame[events.time_column].drop_nulls()
    partitions, missing = _positions(frame)
    lag = (frame[events.arrival_column] - frame[events.time_column]).median()
    return Profile(
        events=frame.height,
        minutes=_minutes(times),
        quantiles=_quantiles(frame, events),
        null_shares=_null_shares(frame, events),
        lag_seconds=None if lag is None else lag.total_seconds(),  # type: ignore[union-attr]
        same_instant=int(times.value_counts()["count"].max() or 0),  # type: ignore[arg-type]
        partitions=partitions,
        offsets_missing=missing,
    )


def _has_times(frame: pl.DataFrame, events: EventDefinition) -> bool:
    return all(
        isinstance(frame.schema.get(column), pl.Datetime)
        for column in (events.time_column, events.arrival_column)
    )


def _minutes(times: pl.Series) -> npt.NDArray[np.int64]:
    of_day = times.dt.hour().cast(pl.Int64) * 60 + times.dt.minute().cast(pl.Int64)
    return np.bincount(of_day.to_numpy(), minlength=_MINUTES)


def _quantiles(frame: pl.DataFrame, events: EventDefinition) -> dict[str, dict[float, float]]:
    numbers = [
        c.name
        for c in events.columns
        if c.kind in ("integer", "number") and frame.schema.get(c.name, pl.Null()).is_numeric()
    ]
    wanted = [q for q in QUANTILES if frame.height * min(q, 1 - q) >= _ROWS_IN_TAIL]
    found = {name: {q: frame[name].quantile(q) for q in wanted} for name in numbers}
    return {name: {q: v for q, v in of.items() if v is not None} for name, of in found.items()}


def _null_shares(frame: pl.DataFrame, events: EventDefinition) -> dict[str, float]:
    nullable = [c.name for c in events.columns if c.nullable and c.name in frame.columns]
    return {name: frame[name].null_count() / frame.height for name in nullable}


def _positions(frame: pl.DataFrame) -> tuple[int, float]:
    """Number of partitions, and the share of offsets missing between the middle ones of each."""
    if not {"_partition", "_offset"} <= set(frame.columns):
        return 0, 0.0
    offsets = frame.select("_partition", "_offset").drop_nulls().unique()
    lowest, highest = (
        pl.col("_offset").quantile(q, interpolation="nearest").over("_partition") for q in _MIDDLE
    )
    middle = offsets.filter(pl.col("_offset").is_between(lowest, highest))
    ranges = middle.group_by("_partition").agg(
        found=pl.len(), there=pl.col("_offset").max() - pl.col("_offset").min() + 1
    )
    found, there = int(ranges["found"].sum()), int(ranges["there"].sum())
    return offsets["_partition"].n_unique(), 1 - found / there if there else 0.0
