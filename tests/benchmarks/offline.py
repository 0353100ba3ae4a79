"""Point-in-time retrieval: plain views against Feast's DuckDB store, windows against a DuckDB range join by hand.

Every contender runs in a process of its own over the same parquet files, is warmed up with ten rows, and hands its
result back so that the values are compared too. Memory is what a process grew by at its peak.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import psutil

from ingestion.archive import TIMESTAMP_TYPE, Archive
from tests.benchmarks.report import Bar, Report, parser, progress

START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 60
FEATURES_PER_VIEW = (10, 10, 8)
WINDOWS = {
    "10m": (600, 60),
    "1h": (3600, 300),
    "1d": (86400, 3600),
    "7d": (7 * 86400, 6 * 3600),
    "30d": (30 * 86400, 86400),
}
AGGREGATIONS = [
    *(("event_id", "count", window) for window in WINDOWS),
    ("amount", "sum", "1h"),
    ("amount", "max", "1d"),
    ("item", "count_distinct", "1d"),
    ("amount", "min", "7d"),
    ("amount", "mean", "30d"),
    ("amount", "std", "30d"),
    ("item", "last", "30d"),
]
SQL = {
    "count": "count({c}) FILTER (WHERE {w})",
    "sum": "coalesce(sum({c}) FILTER (WHERE {w}), 0)",
    "max": "max({c}) FILTER (WHERE {w})",
    "min": "min({c}) FILTER (WHERE {w})",
    "mean": "avg({c}) FILTER (WHERE {w})",
    "std": "stddev_samp({c}) FILTER (WHERE {w})",
    "count_distinct": "count(DISTINCT {c}) FILTER (WHERE {w})",
    "last": "arg_max({c}, e.event_timestamp) FILTER (WHERE {w})",
}


Retrieve = Callable[[pl.DataFrame], pl.DataFrame]
Contender = Callable[[Path], Retrieve]
"""Opens its store over the files of a folder; what it returns is measured."""


@dataclass(frozen=True)
class Cost:
    """What one retrieval took."""

    seconds: float
    peak_mb: float


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; non-zero when a figure falls short."""
    options = parser("offline", __doc__)
    options.add_argument("--rows", type=int, default=100_000, help="entity rows for plain views")
    options.add_argument("--table-rows", type=int, default=500_000, help="rows of each of three tables")
    options.add_argument("--window-rows", type=int, default=50_000, help="entity rows for windows")
    options.add_argument("--events", type=int, default=500_000, help="events that windows aggregate")
    chosen = options.parse_args(argv)
    report = Report("offline")
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        task = bar.add_task("offline", total=6)

        def step(run: Callable[..., Any], *arguments: Any) -> Any:
            bar.update(task, description=getattr(run, "__name__", "").strip("_").replace("_", " "))
            result = run(Path(folder), *arguments)
            bar.advance(task)
            return result

        step(make_tables, chosen.rows, chosen.table_rows)
        plain = step(measured, plain_ours), step(measured, plain_feast)
        step(make_events, chosen.window_rows, chosen.events)
        windows = step(measured, windows_ours), step(measured, windows_duckdb)
        equal = (
            _equal(Path(folder), plain_ours, plain_feast),
            _equal(Path(folder), windows_ours, windows_duckdb),
        )
    _report(report, "plain views", plain, "Feast's DuckDB store", (5.0, 2.0), equal[0])
    _report(report, "windows", windows, "DuckDB range join", (5.0, None), equal[1])
    report.note(
        f"plain: {chosen.rows:,} rows, 3 tables of {chosen.table_rows:,}, {sum(FEATURES_PER_VIEW)} features"
    )
    report.note(
        f"windows: {chosen.window_rows:,} rows, {chosen.events:,} events, {len(AGGREGATIONS)} features, 5 windows"
    )
    return report.finish(chosen.json)


def _report(
    report: Report,
    name: str,
    costs: tuple[Cost, Cost],
    peer: str,
    least: tuple[float, float | None],
    equal: float,
) -> None:
    ours, theirs = costs
    report.add(Bar(name, ours.seconds, "s", theirs.seconds, peer, least[0], lower_is_better=True))
    report.add(
        Bar(f"{name}, memory", ours.peak_mb, "MB", theirs.peak_mb, peer, least[1], lower_is_better=True)
    )
    report.add(Bar(f"{name}, equal values", equal, "share", least=1.0))


def measured(folder: Path, contender: Contender) -> Cost:
    """Cost of a contender in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_measure, args=(folder, contender, theirs))
    process.start()
    theirs.close()
    try:
        return Cost(*ours.recv())
    finally:
        process.join()


def _measure(folder: Path, contender: Contender, pipe: Connection) -> None:
    warnings.simplefilter("ignore")  # Feast and ibis warn about themselves
    rows = pl.read_parquet(folder / f"{contender.__name__.split('_')[0]}_rows.parquet")
    retrieve = contender(folder)
    before_mb = psutil.Process().memory_info().rss / 2**20
    retrieve(rows.head(10))
    started = time.perf_counter()
    result = retrieve(rows)
    seconds = time.perf_counter() - started
    # Kilobytes on Linux, bytes on macOS.
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 2**10
    )
    pipe.send((seconds, max(peak_mb - before_mb, 1.0)))
    result.sort("row").write_parquet(folder / f"{contender.__name__}.parquet")


def _equal(folder: Path, ours: Callable[..., Any], theirs: Callable[..., Any]) -> float:
    """Share of values that are equal, floats to 1e-9 relative; 0 when rows are missing."""
    a, b = (pl.read_parquet(folder / f"{contender.__name__}.parquet") for contender in (ours, theirs))
    if a.height != b.height:
        return 0.0
    names = [name for name in a.columns if name not in {"row", "user_id", "event_timestamp"}]
    return float(np.mean([_same(a[name], b[name]).mean() for name in names]))


def _same(a: pl.Series, b: pl.Series) -> pl.Series:
    if a.dtype.is_numeric():
        a, b = a.cast(pl.Float64).fill_nan(None), b.cast(pl.Float64).fill_nan(None)
        return ((a - b).abs() <= 1e-9 * a.abs() + 1e-9).fill_null(value=False) | (a.is_null() & b.is_null())
    return a.eq_missing(b)


def plain_ours(folder: Path) -> Retrieve:
    """Three plain views through our store."""
    return _plain(folder, {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(folder)})


def plain_feast(folder: Path) -> Retrieve:
    """The same through Feast's DuckDB store."""
    return _plain(folder, {"type": "duckdb"})


def _plain(folder: Path, offline: dict[str, Any]) -> Retrieve:
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
    return _retrieval(folder, offline, [user, *views], references)


def windows_ours(folder: Path) -> Retrieve:
    """Twelve windowed features through our store, straight from the archive."""
    from feast import Entity, ValueType
    from feast.aggregation import Aggregation

    from ingestion.derive import event_type, windowed_view

    text = {"type": "string"}
    columns = {
        "event_id": text,
        "user_id": text,
        "item": text,
        "amount": {"type": "number"},
        "event_timestamp": text,
    }
    events = event_type("events", columns, event_id="event_id", description="Events.")
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING)
    aggregations = [
        Aggregation(
            column,
            function,
            *(timedelta(seconds=s) for s in WINDOWS[window]),
            name=f"{column}_{function}_{window}",
        )
        for column, function, window in AGGREGATIONS
    ]
    view = windowed_view(
        "windows", entities=[user], events=events, aggregations=aggregations, description="Windows."
    )
    offline = {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(folder)}
    return _retrieval(
        folder, offline, [user, events.stream, view], [f"windows:{a.name}" for a in aggregations]
    )


def windows_duckdb(folder: Path) -> Retrieve:
    """The same features as one range join and filtered aggregates."""
    t = "epoch_us(r.event_timestamp)"
    starts = {name: f"(({t} // {h}) + 1) * {h} - {w}" for name, (w, h) in _microseconds().items()}
    features = ", ".join(
        SQL[function].format(c=f"e.{column}", w=f"e.us >= {starts[window]}")
        + f" AS {column}_{function}_{window}"
        for column, function, window in AGGREGATIONS
    )
    query = f"""
        SELECT r.row, {features}
        FROM rows r LEFT JOIN (
            SELECT *, epoch_us(event_timestamp) AS us FROM read_parquet('{folder}/archive/events/**/*.parquet')
        ) e ON e.user_id = r.user_id AND e.us < {t} AND e.us >= {t} - {30 * 86_400_000_000}
        GROUP BY r.row
        """  # noqa: S608  # of our own constants

    def retrieve(rows: pl.DataFrame) -> pl.DataFrame:
        with duckdb.connect() as connection:
            connection.register("rows", rows.to_arrow())
            found: Any = pl.from_arrow(connection.execute(query).to_arrow_table())
            return found

    return retrieve


def _microseconds() -> dict[str, tuple[int, int]]:
    return {name: (window * 1_000_000, hop * 1_000_000) for name, (window, hop) in WINDOWS.items()}


def _retrieval(folder: Path, offline: dict[str, Any], objects: list[Any], features: list[str]) -> Retrieve:
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
    store.apply(objects)

    def retrieve(rows: pl.DataFrame) -> pl.DataFrame:
        found: Any = pl.from_arrow(store.get_historical_features(rows.to_pandas(), features).to_arrow())
        return found

    return retrieve


def make_tables(folder: Path, rows: int, table_rows: int) -> None:
    """Three tables of float features and the rows to ask for; a key has about 40 versions."""
    rng = np.random.default_rng(7)
    keys = max(table_rows // 40, 1)
    for i, features in enumerate(FEATURES_PER_VIEW):
        columns = {f"f{i}_{j}": rng.random(table_rows) for j in range(features)}
        # Times of a table never repeat: Feast's store picks any of equal ones.
        times = rng.permutation(np.linspace(0, DAYS * 86_400_000_000, table_rows, dtype=np.int64))
        _with_times({"user_id": rng.integers(0, keys, table_rows), **columns}, times).write_parquet(
            folder / f"table_{i}.parquet"
        )
    asked = {"row": np.arange(rows), "user_id": rng.integers(0, keys, rows)}
    _with_times(asked, rng.integers(0, DAYS * 86_400_000_000, rows)).write_parquet(
        folder / "plain_rows.parquet"
    )


def make_events(folder: Path, rows: int, count: int) -> None:
    """An archive of events and the rows to ask for; a user has about 1,000 events in 60 days."""
    rng = np.random.default_rng(8)
    users = np.array([f"u{i}" for i in range(max(count // 1000, 1))])
    events = {
        "event_id": [f"e{i}" for i in range(count)],
        "user_id": rng.choice(users, count),
        "item": rng.choice([f"i{i}" for i in range(500)], count),
        "amount": rng.random(count).round(2),
    }
    times = rng.permutation(np.linspace(0, DAYS * 86_400_000_000, count, dtype=np.int64))
    Archive(folder, "events").write(_with_times(events, times))
    asked = {"row": np.arange(rows), "user_id": rng.choice(users, rows)}
    _with_times(asked, rng.integers(0, DAYS * 86_400_000_000, rows)).write_parquet(
        folder / "windows_rows.parquet"
    )


def _with_times(columns: dict[str, Any], microseconds: Any) -> pl.DataFrame:
    start = int(START.timestamp() * 1_000_000)
    return pl.DataFrame(columns).with_columns(
        event_timestamp=pl.Series(microseconds + start).cast(TIMESTAMP_TYPE)
    )


if __name__ == "__main__":
    sys.exit(main())
