"""When two values are equal: floats to 1e-9 relative, all others exactly; null equals null, and NaN is null."""

from typing import Any, Final

import msgspec
import polars as pl

from expectations.ranges import RELATIVE_TOLERANCE

ABSOLUTE_TOLERANCE: Final = 1e-12
"""Of floats about zero, where what entered a sum has left it again."""
_KINDS: Final[dict[str, pl.DataType]] = {
    "Int32": pl.Int64(),
    "Int64": pl.Int64(),
    "Float32": pl.Float64(),
    "Float64": pl.Float64(),
    "Bool": pl.Boolean(),
}


def kind_of(feast_type: Any) -> pl.DataType:
    """The type in which values of a Feast type are compared; what is neither number nor boolean is text, as in the log."""
    return _KINDS.get(str(feast_type), pl.String())


def as_kind(values: pl.Series, kind: pl.DataType) -> pl.Series:
    """History's values in the type in which they are compared; what is no text becomes JSON, as in the log."""
    if kind != pl.String() or values.dtype in (pl.String, pl.Null):
        return _without_nan(values.cast(kind))
    texts = [None if value is None else msgspec.json.encode(value).decode() for value in values.to_list()]
    return pl.Series(values.name, texts, dtype=pl.String)


def equal(one: pl.Series, other: pl.Series) -> pl.Series:
    """Row by row, for two series of one type."""
    one, other = _without_nan(one), _without_nan(other)
    same = one.eq_missing(other)
    if not one.dtype.is_float():
        return same
    larger = pl.select(pl.max_horizontal(one.abs(), other.abs())).to_series()
    within = (one - other).abs() <= (larger * RELATIVE_TOLERANCE).clip(lower_bound=ABSOLUTE_TOLERANCE)
    return same | within.fill_null(value=False)


def largest_difference(one: pl.Series, other: pl.Series) -> float | None:
    """Of two numeric series; None where there is no row with two numbers."""
    if not one.dtype.is_numeric():
        return None
    found = (one - other).abs().max()
    return None if found is None else float(found)  # type: ignore[arg-type]  # a number


def _without_nan(values: pl.Series) -> pl.Series:
    return values.fill_nan(None) if values.dtype.is_float() else values
