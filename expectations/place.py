"""Files of the archive and of the tables, in a folder of this machine or behind a URL that fsspec knows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
from pyarrow import dataset, parquet


def is_local(place: str) -> bool:
    """Whether it is a folder or file of this machine."""
    return "://" not in place


def names(folder: str) -> list[str]:
    """Names of what lies in a folder, in order; nothing where there is no folder."""
    if is_local(folder):
        path = Path(folder)
        return sorted(file.name for file in path.iterdir()) if path.is_dir() else []
    system, path_there = _opened(folder)
    system.invalidate_cache()  # a listing that is remembered lacks what was archived since
    if not system.isdir(path_there):
        return []
    listed = (str(name).rstrip("/").rsplit("/", 1)[-1] for name in system.ls(path_there, detail=False))
    return sorted(set(listed) - {""})


def parquet_files(folder: str) -> list[str]:
    """Parquet files of a folder with their paths, in order, without those that are being written."""
    return [
        f"{folder}/{name}"
        for name in names(folder)
        if name.endswith(".parquet") and not name.startswith((".", "_"))
    ]


def read_bytes(file: str) -> bytes:
    """Content of a file.

    Raises:
        FileNotFoundError: there is none.
    """
    if is_local(file):
        return Path(file).read_bytes()
    system, path = _opened(file)
    return bytes(system.cat_file(path))


def scan(files: Sequence[str]) -> pl.LazyFrame:
    """Rows of parquet files of one folder tree; where a file lacks a column that the last has, it is null.

    Args:
        files: At least one.
    """
    if is_local(files[-1]):
        schema = pl.read_parquet_schema(files[-1])
        return pl.scan_parquet(
            list(files), glob=False, hive_partitioning=False, schema=schema, missing_columns="insert"
        )
    system, last = _opened(files[-1])
    with system.open(last) as newest:
        arrow_schema = parquet.read_schema(newest)
    paths = [_opened(file)[1] for file in files]
    return pl.scan_pyarrow_dataset(
        dataset.dataset(paths, schema=arrow_schema, filesystem=system, format="parquet")
    )


def _opened(url: str) -> tuple[Any, str]:
    system, path = fsspec.core.url_to_fs(url)
    return system, str(path)
