"""Adds rows to a table that is one parquet file on a disk, as Feast's own examples have it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from ingestion.stores.whole_file import replaced


def append(path: Path, rows: pl.DataFrame) -> None:
    """Replace the file, in one step, by one that has more rows at its end; its types stay. Writers take turns.

    Whoever reads it finds the old rows under their old numbers. The whole file is written anew: a table that grows
    all the time should be a folder.

    Raises:
        OSError: it cannot be written, as on a full disk; it is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone_in(path.parent):
        _replace(path, _longer(path, rows.to_arrow()))


def leave_out(path: Path, gone: pl.Expr) -> pl.DataFrame:
    """Replace the file, in one step, by one without some rows; returns those. Writers take turns.

    Raises:
        OSError: it cannot be written, as on a full disk; it is as it was.
    """
    with _alone_in(path.parent):
        rows = pl.read_parquet(path)
        out = rows.filter(gone)
        if not out.is_empty():
            _replace(path, rows.filter(~gone).to_arrow())
    return out


def _longer(path: Path, rows: pa.Table) -> pa.Table:
    if not path.exists():
        return rows
    with path.open("rb") as file:
        old = pq.read_table(file)
    absent = {field.name: pa.nulls(rows.num_rows, field.type) for field in old.schema}
    new = [rows[name] if name in rows.column_names else nulls for name, nulls in absent.items()]
    return pa.concat_tables([old, pa.table(new, names=old.column_names).cast(old.schema)])


def _replace(path: Path, table: pa.Table) -> None:
    with replaced(path) as file:
        pq.write_table(table, file)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Other writers of the folder's single files wait, those of this process too; a killed one leaves nothing locked."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
