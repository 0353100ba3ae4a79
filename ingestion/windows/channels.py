"""Event columns as float64 arrays for the compiled executors, and their results as columns again.

A channel is one column in the form that a function needs: its numbers, the mere presence of a value (for `count`),
or dictionary codes (for `last` and `count_distinct` of anything but floats). NaN stands for null in all three.
"""

from dataclasses import dataclass, field
from typing import Literal, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ingestion.windows.image import Image
from ingestion.windows.interning import Interner
from ingestion.windows.raw import Ints
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


class Dictionary:
    """Codes 0, 1, 2, ... of the values of a column, in order of appearance; a code that was forgotten is given again."""

    def __init__(self, dtype: pl.DataType) -> None:
        self._interner = Interner([_coded(dtype)])

    def __len__(self) -> int:
        return len(self._interner)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        return self._interner.nbytes

    def encode(self, column: pl.Series) -> Floats:
        """Codes of a column, shape (rows,); null is NaN."""
        codes = self._interner.intern([column]).astype(np.float64)
        codes[codes < 0] = np.nan
        return codes

    def decode(self, codes: Floats) -> pl.Series:
        """Values behind codes; NaN is null."""
        return self._interner.columns_of(_numbers(codes))[0]

    def forget(self, used: Floats) -> None:
        """Forget all values but those behind the codes `used`, shape (any,)."""
        marked = np.zeros(self._interner.capacity + 1, dtype=np.bool_)
        marked[_numbers(used)] = True  # null marks the one behind the last code
        numbers = self._interner.numbers()
        self._interner.remove(numbers[~marked[numbers]])

    def image(self) -> Image:
        """The raw state."""
        return self._interner.image()

    @classmethod
    def from_image(cls, dtype: pl.DataType, image: Image) -> Self:
        """What had the image.

        Raises:
            ImageError: it is of another type, or no image of a dictionary.
        """
        made = cls(dtype)
        made._interner = Interner.from_image([_coded(dtype)], image)
        return made


def _coded(dtype: pl.DataType) -> pl.DataType:
    """The type under which values are kept; a column that never had a value may be of any."""
    return pl.String() if dtype == pl.Null else dtype


def _numbers(codes: Floats) -> Ints:
    return np.nan_to_num(codes, nan=-1.0).astype(np.int64)


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

    def dictionary(self, column: str) -> Dictionary:
        """The dictionary of a column; made when first asked for."""
        if column not in self.dictionaries:
            self.dictionaries[column] = Dictionary(self.types[column])
        return self.dictionaries[column]

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
            return self.dictionary(channel.column).encode(column)
        if channel.form == "presence":
            if not column.null_count():
                return np.ones(len(column))
            return np.where(column.is_not_null().to_numpy(), 1.0, np.nan)
        numbers = column.cast(pl.Int64) if column.dtype.is_temporal() else column
        # Null becomes NaN; + 0.0 makes -0.0 and 0.0 the same value.
        return numbers.cast(pl.Float64).to_numpy() + 0.0

    def decode(self, feature: WindowedFeature, values: Floats) -> pl.Series:
        """A feature's column from the executor's float64 results, shape (rows,)."""
        channel = self.channel(feature)
        if feature.function == "last" and channel.form == "code":
            return self.dictionary(channel.column).decode(values).cast(feature.dtype).alias(feature.name)
        has_nulls = bool(np.isnan(values).any())
        if has_nulls and feature.function in ZERO_WHEN_EMPTY:
            values, has_nulls = np.nan_to_num(values), False
        if feature.dtype == pl.Int64 and not has_nulls:
            return pl.Series(feature.name, values.astype(np.int64))
        column = pl.Series(feature.name, values, nan_to_null=has_nulls)
        return column if feature.dtype == pl.Float64 else column.cast(feature.dtype)
