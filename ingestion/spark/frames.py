"""Frames of polars as Spark's Arrow interface takes and gives them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import polars as pl
import pyarrow as pa

from ingestion.windows.spec import TIMESTAMP

Schema = Mapping[str, pl.DataType]


def arrow_schema(schema: Schema) -> pa.Schema:
    """Arrow's types of some columns, texts with the offsets of 32 bits that Spark knows."""
    made = pl.DataFrame(schema=dict(schema)).to_arrow(compat_level=pl.CompatLevel.oldest()).schema
    return pa.schema([pa.field(field.name, _narrow(field.type)) for field in made])


def spark_schema(schema: Schema) -> Any:
    """The same as a Spark `StructType`.

    Raises:
        pyspark.errors.PySparkTypeError: naming a type that Spark does not have.
    """
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415  # an optional extra

    return from_arrow_schema(arrow_schema(schema))


def to_table(rows: pl.DataFrame, schema: Schema) -> pa.Table:
    """Rows for Spark, with these columns."""
    table = rows.select(*schema).to_arrow(compat_level=pl.CompatLevel.oldest())
    return table.cast(arrow_schema(schema))


def to_batches(rows: pl.DataFrame, schema: Schema, most: int = 100_000) -> Iterator[pa.RecordBatch]:
    """Rows for Spark in batches of at most so many."""
    return iter(to_table(rows, schema).to_batches(max_chunksize=most))


def from_table(table: pa.Table) -> pl.DataFrame:
    """Rows from Spark; times are in UTC, whatever zone the session has."""
    rows: Any = pl.from_arrow(table)
    return rows.with_columns(pl.col(pl.Datetime("us", "*")).cast(TIMESTAMP))


def from_batches(batches: Iterable[pa.RecordBatch]) -> pl.DataFrame | None:
    """All rows of a partition; None where it has no batch."""
    held = list(batches)
    return from_table(pa.Table.from_batches(held)) if held else None


def _narrow(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_large_string(kind):
        return pa.string()
    return pa.binary() if pa.types.is_large_binary(kind) else kind
