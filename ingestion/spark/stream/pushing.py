"""Rows that have changed go to the online store from the machines that computed them."""

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import polars as pl
import pyarrow as pa

from ingestion.spark.frames import spark_schema, to_batches
from ingestion.spark.settling import settle
from ingestion.spark.stream.packing import unpacked
from ingestion.spark.writing import store_and_view
from ingestion.stream.feast_start import import_feast
from ingestion.stream.sink import pauses

_WRITTEN: Final = {"written": pl.Int64()}
_LONGEST_PAUSE: Final = 5.0
STORE_SECONDS: Final = 60.0
"""How long a task waits for an online store that is away; after that its batch is tried again as a whole."""


Told = Mapping[str, tuple[bytes, bytes]]
"""What tasks are told of views, by name: see `told_to_tasks`."""


def push(rows: Any, views: Told) -> int:
    """Write the rows of a batch, of which the newest of an entity stays; returns how many there were.

    Args:
        rows: A Spark dataframe with the columns `processors.PUSHED`.
        views: Those that the rows may be of.
    """
    written = rows.mapInArrow(partial(_push, views), spark_schema(_WRITTEN))
    return sum(written.toArrow()["written"].to_pylist())


def _push(views: Told, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import_feast()
    settle("rows")
    for batch in batches:
        for view, content in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            rows = unpacked(content)
            _write(*store_and_view(views[view]), rows)
            yield from to_batches(pl.DataFrame({"written": [rows.height]}), _WRITTEN)


def _write(config: Any, store: Any, view: Any, rows: pl.DataFrame) -> None:
    from ingestion.stores.redis_online.address import RedisUnavailableError  # noqa: PLC0415  # behind Feast

    until = time.monotonic() + STORE_SECONDS
    for pause in pauses(_LONGEST_PAUSE):
        try:
            store.write_columns(config, view, rows)
        except RedisUnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(pause)
        else:
            return
