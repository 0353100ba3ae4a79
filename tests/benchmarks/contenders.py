"""Runs the contenders of a retrieval benchmark, each in a process of its own, and compares what they return."""

import multiprocessing
import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psutil

from ingestion.archive import TIMESTAMP_TYPE
from tests.benchmarks.report import Bar, Report

START = datetime(2024, 1, 1, tzinfo=UTC)

Retrieve = Callable[[], pl.DataFrame]
Contender = Callable[[Path, pl.DataFrame], Retrieve]
"""Opens its store over the files of a folder and takes the rows to ask for; what it returns is measured."""

SECONDS = 6.0
"""A retrieval is repeated, and the shortest one counts, while all of them take less."""


@dataclass(frozen=True)
class Cost:
    """What one retrieval took."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Result:
    """Cost of a contender and where its rows are kept."""

    cost: Cost
    file: Path

    def share_equal(self, other: "Result") -> float:
        """Share of values that are equal, floats to 1e-9 relative; 0 when rows are missing."""
        a, b = pl.read_parquet(self.file), pl.read_parquet(other.file)
        if a.height != b.height:
            return 0.0
        names = [name for name in a.columns if name in b.columns and name != "row"]
        return float(np.mean([_same(a[name], b[name]).mean() for name in names]))


def measured(folder: Path, contender: Contender, rows: str) -> Result:
    """Run a contender in a process of its own: with ten rows to warm up, then with all.

    Args:
        folder: Where the data lies and the result is kept.
        contender: A function at the top of a module.
        rows: Name of the parquet file of the rows that are asked, with a column ``row``.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(folder, contender, rows, theirs))
    process.start()
    theirs.close()
    try:
        return Result(Cost(*ours.recv()), _result_file(folder, contender))
    finally:
        process.join()


def compare(
    report: Report,
    name: str,
    results: tuple[Result, Result],
    peer: str,
    least: tuple[float | None, float | None],
    least_equal: float = 1.0,
) -> None:
    """Rows of the report for the seconds, the memory and the values of ours and of a peer."""
    ours, theirs = (result.cost for result in results)
    report.add(Bar(name, ours.seconds, "s", theirs.seconds, peer, least[0], lower_is_better=True))
    report.add(
        Bar(f"{name}, memory", ours.peak_mb, "MB", theirs.peak_mb, peer, least[1], lower_is_better=True)
    )
    report.add(Bar(f"{name}, equal values", results[0].share_equal(results[1]), "share", least=least_equal))


def retrieval(
    folder: Path, offline: dict[str, Any], objects: Sequence[Any], rows: Any, features: list[str]
) -> Retrieve:
    """Historical features through Feast with an offline store, for rows of pandas, or of polars where it takes them."""
    from feast import FeatureStore, RepoConfig

    config = RepoConfig(
        project="bench",
        provider="local",
        registry=str(folder / f"{offline['type']}.db"),
        offline_store=offline,
        online_store={"type": "sqlite", "path": str(folder / "online.db")},
        entity_key_serialization_version=3,
    )
    store = FeatureStore(config=config)
    store.apply(list(objects))

    def retrieve() -> pl.DataFrame:
        found: Any = pl.from_arrow(store.get_historical_features(rows, features).to_arrow())
        return found

    return retrieve


def with_times(columns: dict[str, Any], microseconds: Any) -> pl.DataFrame:
    """Columns and `event_timestamp`, so many microseconds after `START`."""
    start = int(START.timestamp() * 1_000_000)
    return pl.DataFrame(columns).with_columns(
        event_timestamp=pl.Series(microseconds + start).cast(TIMESTAMP_TYPE)
    )


def _measure(folder: Path, contender: Contender, rows_file: str, pipe: Connection) -> None:
    warnings.simplefilter("ignore")  # Feast and ibis warn about themselves
    rows = pl.read_parquet(folder / rows_file)
    warm_up, retrieve = contender(folder, rows.head(10)), contender(folder, rows)
    before_mb = psutil.Process().memory_info().rss / 2**20
    warm_up()
    seconds: list[float] = []
    while not seconds or sum(seconds) + min(seconds) < SECONDS:
        started = time.perf_counter()
        result = retrieve()
        seconds.append(time.perf_counter() - started)
    pipe.send((min(seconds), max(peak_rss_mb() - before_mb, 1.0)))
    result.drop("event_timestamp", strict=False).sort("row").write_parquet(_result_file(folder, contender))


def peak_rss_mb() -> float:
    """The most memory that this process ever had."""
    # Kilobytes on Linux, bytes on macOS.
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def _result_file(folder: Path, contender: Contender) -> Path:
    return folder / f"{contender.__name__}.parquet"


def _same(a: pl.Series, b: pl.Series) -> pl.Series:
    if a.dtype.is_numeric():
        a, b = a.cast(pl.Float64).fill_nan(None), b.cast(pl.Float64).fill_nan(None)
        return ((a - b).abs() <= 1e-9 * a.abs() + 1e-9).fill_null(value=False) | (a.is_null() & b.is_null())
    return a.eq_missing(b)
