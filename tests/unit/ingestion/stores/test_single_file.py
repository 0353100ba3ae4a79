"""A table that is one parquet file becomes longer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingestion.stores.single_file import append

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def rows(*numbers: int) -> pl.DataFrame:
    return pl.DataFrame({"number": list(numbers), "at": [NOON] * len(numbers)})


def test_rows_stand_behind_those_that_were_there(tmp_path: Path) -> None:
    """Also in a file that is not there yet; nothing else is left in the folder."""
    path = tmp_path / "new/table.parquet"
    append(path, rows(1, 2))
    append(path, rows(3))
    assert pl.read_parquet(path)["number"].to_list() == [1, 2, 3]
    assert list(path.parent.iterdir()) == [path]


def test_the_file_keeps_its_types(tmp_path: Path) -> None:
    """Those of whoever made it: narrow numbers, times in nanoseconds and without zone, columns we do not write."""
    path = tmp_path / "table.parquet"
    kinds = {
        "note": pa.string(),
        "at": pa.timestamp("ns"),
        "number": pa.int32(),
        "pairs": pa.map_("int8", "int8"),
    }
    pq.write_table(pa.schema(kinds.items()).empty_table(), path)
    append(path, rows(7))
    table = pq.read_table(path)
    assert dict(zip(table.column_names, table.schema.types, strict=True)) == kinds
    assert table.to_pylist() == [{"note": None, "at": NOON.replace(tzinfo=None), "number": 7, "pairs": None}]


def test_whoever_reads_it_keeps_what_was_opened(tmp_path: Path) -> None:
    """The file is replaced in one step, not written over."""
    path = tmp_path / "table.parquet"
    append(path, rows(1))
    with path.open("rb") as opened:
        append(path, rows(2))
        assert pq.read_table(opened)["number"].to_pylist() == [1]


def test_writers_take_turns(tmp_path: Path) -> None:
    """Each reads what the one before it wrote: no row is lost."""
    path = tmp_path / "table.parquet"
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda number: append(path, rows(number)), range(40)))
    assert sorted(pl.read_parquet(path)["number"]) == list(range(40))


def test_rows_that_do_not_fit_leave_it_as_it_was(tmp_path: Path) -> None:
    """And nothing beside it."""
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table({"number": pa.array([1], pa.int8())}), path)
    before = path.read_bytes()
    with pytest.raises(pa.ArrowInvalid, match="1000"):
        append(path, rows(1000))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
