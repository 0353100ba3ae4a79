"""Times of files as UTC microseconds."""

from datetime import UTC, datetime

import polars as pl

from ingestion.archive import TIMESTAMP_TYPE


def utc_microseconds(column: str, kind: pl.DataType) -> pl.Expr:
    """The column of dates or times as UTC microseconds; a naive time is UTC."""
    time = pl.col(column).cast(pl.Datetime("us", getattr(kind, "time_zone", None)))
    if getattr(kind, "time_zone", None) is None:
        return time.dt.replace_time_zone("UTC")
    return time.dt.convert_time_zone("UTC")


def between(column: str, start: datetime | None, end: datetime | None) -> list[pl.Expr]:
    """Conditions for ``start <= time <= end`` (aware; None: without bound)."""
    bounds = ((start, pl.Expr.ge), (end, pl.Expr.le))
    return [
        compare(pl.col(column), pl.lit(bound.astimezone(UTC)).cast(TIMESTAMP_TYPE))
        for bound, compare in bounds
        if bound is not None
    ]
