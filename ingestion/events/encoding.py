"""Rows of a frame as JSON messages."""

import polars as pl
from polars import selectors as cs

_RFC3339 = "%Y-%m-%dT%H:%M:%S%.6fZ"


def encode_rows(frame: pl.DataFrame) -> list[bytes]:
    """One JSON object per row, its keys in the order of the columns.

    Args:
        frame: Strings, numbers, booleans and aware datetimes; a datetime is written in UTC with microseconds.
            A null is written as JSON null, and so is a NaN, for which JSON has no word.
    """
    if frame.is_empty():
        return []
    times = cs.datetime(time_zone="*")
    written = frame.with_columns(times.dt.convert_time_zone("UTC").dt.strftime(_RFC3339))
    encoded = written.select(pl.struct(written.columns).struct.json_encode().cast(pl.Binary)).to_series()
    return encoded.to_list()
