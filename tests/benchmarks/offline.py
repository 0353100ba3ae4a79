"""Point-in-time joins of plain views through Feast: our offline store against Feast's DuckDB store.

Every contender runs in a process of its own over the same parquet files, is warmed up with ten rows, repeated while it
takes less than some seconds (the shortest time counts), and hands its result back so that the values are compared too. Memory is what a process grew by at its peak. The smaller run shows how
the gap grows with size.
"""

import sys
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.benchmarks.contenders import Result, Retrieve, compare, measured, retrieval, with_times
from tests.benchmarks.report import Bar, Report, parser, progress

DAYS = 60
FEATURES_PER_VIEW = (10, 10, 8)
VERSIONS_PER_KEY = 100
SMALLER = 4
ROWS = "plain_rows.parquet"
PEER = "Feast's DuckDB store"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; non-zero when a figure falls short."""
    options = parser("offline", __doc__)
    options.add_argument("--rows", type=int, default=400_000, help="entity rows")
    options.add_argument("--table-rows", type=int, default=2_000_000, help="rows of each of three tables")
    chosen = options.parse_args(argv)
    report = Report("offline")
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        task = bar.add_task("offline", total=5)

        def run(name: str, rows: int, table_rows: int, contenders: Sequence[Any]) -> list[Result]:
            place = Path(folder) / name
            place.mkdir()
            make_tables(place, rows, table_rows)
            results = []
            for contender in contenders:
                bar.update(task, description=f"{name}: {contender.__name__}")
                results.append(measured(place, contender, ROWS))
                bar.advance(task)
            return results

        ours, limited, theirs = run(
            "all", chosen.rows, chosen.table_rows, [plain_ours, plain_limited, plain_feast]
        )
        compare(report, "three plain views", (ours, theirs), PEER, (20.0, 5.0))
        report.add(
            Bar("in parts, equal values", limited.share_equal(ours), "share", least=1.0),
        )
        report.add(Bar("in parts of 16 MB", limited.cost.seconds, "s", lower_is_better=True))
        report.add(Bar("in parts of 16 MB, memory", limited.cost.peak_mb, "MB", lower_is_better=True))
        small = run(
            "a quarter", chosen.rows // SMALLER, chosen.table_rows // SMALLER, [plain_ours, plain_feast]
        )
        compare(report, "a quarter of it", (small[0], small[1]), PEER, (None, None))
    report.note(
        f"{chosen.rows:,} rows, 3 tables of {chosen.table_rows:,} rows, {sum(FEATURES_PER_VIEW)} features, "
        f"{VERSIONS_PER_KEY} versions of a key"
    )
    return report.finish(chosen.json)


def plain_ours(folder: Path, rows: pl.DataFrame) -> Retrieve:
    """Three plain views through our store."""
    return _plain(folder, rows, {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(folder)})


def plain_limited(folder: Path, rows: pl.DataFrame) -> Retrieve:
    """The same where keys and times of a table may take 16 MB."""
    store = {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(folder)}
    return _plain(folder, rows, {**store, "memory_limit_mb": 16})


def plain_feast(folder: Path, rows: pl.DataFrame) -> Retrieve:
    """The same through Feast's DuckDB store."""
    return _plain(folder, rows, {"type": "duckdb"})


def _plain(folder: Path, rows: pl.DataFrame, offline: dict[str, Any]) -> Retrieve:
    from feast import Entity, FeatureView, Field, FileSource, ValueType
    from feast.types import Float64, Int64

    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=f"view_{i}",
            entities=[user],
            ttl=timedelta(0),
            schema=[
                Field(name="user_id", dtype=Int64),
                *(Field(name=f"f{i}_{j}", dtype=Float64) for j in range(count)),
            ],
            source=FileSource(
                name=f"table_{i}", path=f"{folder}/table_{i}.parquet", timestamp_field="event_timestamp"
            ),
        )
        for i, count in enumerate(FEATURES_PER_VIEW)
    ]
    references = [f"{view.name}:{field.name}" for view in views for field in view.features]
    return retrieval(folder, offline, [user, *views], rows.to_pandas(), references)


def make_tables(folder: Path, rows: int, table_rows: int) -> None:
    """Three tables of float features and the rows to ask for."""
    rng = np.random.default_rng(7)
    keys = max(table_rows // VERSIONS_PER_KEY, 1)
    for i, features in enumerate(FEATURES_PER_VIEW):
        columns = {f"f{i}_{j}": rng.random(table_rows) for j in range(features)}
        # Times of a table never repeat: Feast's store picks any of equal ones.
        times = rng.permutation(np.linspace(0, DAYS * 86_400_000_000, table_rows, dtype=np.int64))
        with_times({"user_id": rng.integers(0, keys, table_rows), **columns}, times).write_parquet(
            folder / f"table_{i}.parquet"
        )
    asked = {"row": np.arange(rows), "user_id": rng.integers(0, keys, rows)}
    with_times(asked, rng.integers(0, DAYS * 86_400_000_000, rows)).write_parquet(folder / ROWS)


if __name__ == "__main__":
    sys.exit(main())
