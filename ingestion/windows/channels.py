"""Event columns as float64 arrays for the compiled executors, and their results as columns again.

A channel is one column in the form that a function needs: its numbers, the mere presence of a value (for `count`),
or dictionary codes (for `last` and `count_distinct` of anything but floats). NaN stands for null in all three.
"""

from dataclasses import dataclass, field
from math import isnan
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows.spec import ZERO_WHEN_EMPTY, SpecError, ViewSpec, WindowedFeature

Floats = NDArray[np.float64]
Form = Literal["number", "presence", "code"]


@dataclass(frozen=True)
class Channel:
    """A column in one form."""

    column: str
    form: Form


def channel_of(feature: WindowedFeature, dtype: pl.DataType) -> Channel:
    """The channel that a feature reads, given the type of its column in the events."""
    if feature.function == "count":
        return Channel(feature.column, "presence")
    if feature.function in ("last", "count_distinct") and not dtype.is_float():
        return Channel(feature.column, "code")
    if not (dtype.is_numeric() or dtype == pl.Boolean or dtype.is_temporal()):
        raise SpecError(
            f"feature {feature.name!r}: no {feature.function} of column {feature.column!r} of type {dtype}"
        )
    return Channel(feature.column, "number")


@dataclass
class Dictionary:
    """Codes 0, 1, 2, ... of the values of a column, in order of appearance; grows, never forgets."""

    values: list[Any] = field(default_factory=list)
    _codes: dict[Any, float] = field(default_factory=lambda: {None: np.nan})

    def encode(self, column: pl.Series) -> Floats:
        """Codes of a column, shape (rows,); null is NaN."""
        values = column.to_list()
        known = self._codes
        for value in values:
            if value not in known:
                known[value] = float(len(self.values))
                self.values.append(value)
        return np.fromiter(map(known.__getitem__, values), dtype=np.float64, count=len(values))

    def decode(self, codes: Floats, dtype: pl.DataType) -> pl.Series:
        """Values behind codes; NaN is null."""
        values = self.values
        return pl.Series([None if isnan(code) else values[int(code)] for code in codes.tolist()], dtype=dtype)


@dataclass
class Encoder:
    """Channels of a view and their dictionaries."""

    spec: ViewSpec
    types: dict[str, pl.DataType]
    channels: tuple[Channel, ...] = ()
    dictionaries: dict[str, Dictionary] = field(default_factory=dict)

    def __post_init__(self) -> None:
        missing = [f.column for f in self.spec.features if f.column not in self.types]
        if missing:
            raise SpecError(
                f"view {self.spec.name!r} needs columns {missing}; the events have {sorted(self.types)}"
            )
        self.channels = tuple(dict.fromkeys(self.channel(f) for f in self.spec.features))

    def channel(self, feature: WindowedFeature) -> Channel:
        """The channel that a feature reads."""
        return channel_of(feature, self.types[feature.column])

    def position(self, feature: WindowedFeature) -> int:
        """Row of the feature's channel in what `encode` returns."""
        return self.channels.index(self.channel(feature))

    def encode(self, events: pl.DataFrame) -> Floats:
        """All channels, shape (channels, rows)."""
        encoded = np.empty((len(self.channels), events.height))
        for i, channel in enumerate(self.channels):
            encoded[i] = self._encode(channel, events[channel.column])
        return encoded

    def _encode(self, channel: Channel, column: pl.Series) -> Floats:
        if channel.form == "code":
            return self.dictionaries.setdefault(channel.column, Dictionary()).encode(column)
        if channel.form == "presence":
            return np.where(column.is_not_null().to_numpy(), 1.0, np.nan)
        numbers = column.to_physical() if column.dtype.is_temporal() else column
        # + 0.0 makes -0.0 and 0.0 the same value.
        return numbers.cast(pl.Float64).fill_null(np.nan).to_numpy() + 0.0

    def decode(self, feature: WindowedFeature, values: Floats) -> pl.Series:
        """A feature's column from the executor's float64 results, shape (rows,)."""
        channel = self.channel(feature)
        if feature.function == "last" and channel.form == "code":
            dictionary = self.dictionaries.setdefault(channel.column, Dictionary())
            return (
                dictionary.decode(values, self.types[feature.column]).cast(feature.dtype).alias(feature.name)
            )
        if feature.function in ZERO_WHEN_EMPTY:
            values = np.nan_to_num(values)
        if feature.dtype == pl.Int64 and not np.isnan(values).any():
            return pl.Series(feature.name, values.astype(np.int64))
        column = pl.Series(feature.name, values, nan_to_null=True)
        return column if feature.dtype == pl.Float64 else column.cast(feature.dtype)
