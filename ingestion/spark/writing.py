"""Rows go to the online store from the machines that computed them."""

import pickle
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, Final

import polars as pl
import pyarrow as pa

from ingestion.spark.frames import from_batches, spark_schema, to_batches
from ingestion.stream.feast_start import import_feast

_WRITTEN: Final = "written"


def write_where_computed(rows: Any, config: Any, view: Any) -> int:
    """Write the rows of `latest_of_windows` to the online store from the machines that computed them; returns how many."""
    if rows is None:
        return 0
    told = told_to_tasks(config, view)
    written = rows.mapInArrow(partial(_write, told), spark_schema({_WRITTEN: pl.Int64()}))
    return sum(written.toArrow()[_WRITTEN].to_pylist())


def _write(told: tuple[bytes, bytes], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    import_feast()
    from ingestion.stores.engine import write_rows  # noqa: PLC0415  # behind `import_feast`

    rows = from_batches(batches)
    if rows is not None:
        write_rows(*store_and_view(told), rows)
    height = 0 if rows is None else rows.height
    yield from to_batches(pl.DataFrame({_WRITTEN: [height]}), {_WRITTEN: pl.Int64()})


def told_to_tasks(config: Any, view: Any) -> tuple[bytes, bytes]:
    """What tasks are told of a configuration and of a view."""
    return pickle.dumps(config), pickle.dumps((type(view), view.to_proto().SerializeToString()))


def store_and_view(told: tuple[bytes, bytes]) -> tuple[Any, Any, Any]:
    """Configuration, online store and view behind `told_to_tasks`; one store for all views of one of Spark's Python workers."""
    return *_store(told[0]), _view(told[1])


@lru_cache(maxsize=4)
def _store(config: bytes) -> tuple[Any, Any]:
    from feast.infra.online_stores.helpers import get_online_store_from_config  # noqa: PLC0415

    loaded = pickle.loads(config)  # noqa: S301  # made by `told_to_tasks`
    return loaded, get_online_store_from_config(loaded.online_store)


@lru_cache(maxsize=256)
def _view(told: bytes) -> Any:
    kind, proto = pickle.loads(told)  # noqa: S301  # made by `told_to_tasks`
    return kind.from_proto(_proto_of(kind).FromString(proto))


def _proto_of(kind: Any) -> Any:
    from feast.protos.feast.core.StreamFeatureView_pb2 import StreamFeatureView  # noqa: PLC0415

    if kind.__name__ != "StreamFeatureView":
        raise TypeError(f"windows belong to a StreamFeatureView, this is a {kind.__name__}")
    return StreamFeatureView
