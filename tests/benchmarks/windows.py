"""Windowed features at any instant through Feast: against a DuckDB range join, on growing archives, against pandas.

Every contender runs in a process of its own over the same files, is warmed up with ten rows, repeated while it takes
less than some seconds (the shortest time counts), and hands its result back so that the values are compared too. Memory is what a process grew by at its peak. The part on the Fraud Detection
Handbook's transactions looks for them in SHOP_TEST_DATA_DIR (by default ../shared/data) and is left out without them.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl

from ingestion.archive import Archive
from tests.benchmarks.contenders import Contender, Result, Retrieve, compare, measured, retrieval, with_times
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.repos.handbook.load import read_transactions, write_archives

DAYS = 60
EVENTS_PER_USER = 1000
EVENTS_AT_ONCE = 2_000_000
ITEMS = 500
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
HANDBOOK = Path(os.environ.get("SHOP_TEST_DATA_DIR", "../shared/data")) / "handbook_transactions.parquet"
HANDBOOK_DAYS = (1, 7, 30)
DELAY_DAYS = 7
ROWS = "windows_rows.parquet"
LARGE_LIMIT_MB = 4096


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; non-zero when a figure falls short."""
    options = parser("windows", __doc__)
    options.add_argument("--rows", type=int, default=200_000, help="entity rows")
    options.add_argument("--events", type=int, default=2_000_000, help="events in the archive")
    chosen = options.parse_args(argv)
    report = Report("windows")
    with tempfile.TemporaryDirectory() as name, progress() as bar:
        task = bar.add_task("windows", total=None)
        folder = Path(name)

        def run(place: str, make: Callable[[Path], None], *contenders: Contender) -> list[Result]:
            (folder / place).mkdir(exist_ok=True)
            bar.update(task, description=f"{place}: making")
            make(folder / place)
            found = []
            for contender in contenders:
                bar.update(task, description=f"{place}: {contender.__name__}")
                found.append(measured(folder / place, contender, ROWS))
            return found

        ours, limited, theirs = run(
            "events",
            lambda place: make_events(place, chosen.rows, chosen.events),
            windows_ours,
            windows_limited,
            windows_duckdb,
        )
        compare(report, "five windows", (ours, theirs), "DuckDB range join", (20.0, None))
        _report_parts(report, limited, ours)
        (large,) = run(
            "ten times the events",
            lambda place: make_events(place, chosen.rows, 10 * chosen.events),
            windows_ours,
        )
        _report_large(report, large, ours)
        if HANDBOOK.exists():
            results = run("handbook", make_handbook, handbook_ours, handbook_pandas)
            compare(
                report,
                "handbook",
                (results[0], results[1]),
                "pandas grouped rolling",
                (20.0, None),
                least_equal=0.9999,
            )
            report.note("handbook: pandas gives transactions of one second windows that end between them")
        else:
            report.note(f"the handbook's part was left out: there is no {HANDBOOK}; set SHOP_TEST_DATA_DIR")
    report.note(f"{chosen.rows:,} rows, {chosen.events:,} events, {len(AGGREGATIONS)} features, 5 windows")
    return report.finish(chosen.json)


def _report_parts(report: Report, limited: Result, ours: Result) -> None:
    report.add(Bar("in parts of 64 MB, equal values", limited.share_equal(ours), "share", least=1.0))
    report.add(Bar("in parts of 64 MB", limited.cost.seconds, "s", lower_is_better=True))
    report.add(Bar("in parts of 64 MB, memory", limited.cost.peak_mb, "MB", lower_is_better=True))


def _report_large(report: Report, large: Result, ours: Result) -> None:
    growth = large.cost.seconds / ours.cost.seconds
    report.add(Bar("ten times the events", large.cost.seconds, "s", lower_is_better=True))
    report.add(Bar("ten times the events, times as long", growth, "x", least=15.0, lower_is_better=True))
    report.add(
        Bar(
            "ten times the events, memory",
            large.cost.peak_mb,
            "MB",
            least=LARGE_LIMIT_MB,
            lower_is_better=True,
        )
    )


def windows_ours(folder: Path, rows: pl.DataFrame) -> Retrieve:
    """Twelve windowed features through our store, straight from the archive."""
    return _windows(folder, rows, {})


def windows_limited(folder: Path, rows: pl.DataFrame) -> Retrieve:
    """The same where the events may take 64 MB at once."""
    return _windows(folder, rows, {"memory_limit_mb": 64})


def _windows(folder: Path, rows: pl.DataFrame, options: dict[str, Any]) -> Retrieve:
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
    offline = {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(folder), **options}
    features = [f"windows:{a.name}" for a in aggregations]
    return retrieval(folder, offline, [user, events.stream, view], rows.to_pandas(), features)


def windows_duckdb(folder: Path, rows: pl.DataFrame) -> Retrieve:
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

    asked = rows.to_arrow()

    def retrieve() -> pl.DataFrame:
        with duckdb.connect() as connection:
            connection.execute("SET enable_progress_bar = false")
            connection.register("rows", asked)
            found: Any = pl.from_arrow(connection.execute(query).to_arrow_table())
            return found

    return retrieve


def _microseconds() -> dict[str, tuple[int, int]]:
    return {name: (window * 1_000_000, hop * 1_000_000) for name, (window, hop) in WINDOWS.items()}


def make_events(folder: Path, rows: int, count: int) -> None:
    """An archive of events and the rows to ask for; a user has about 1,000 events in 60 days."""
    rng = np.random.default_rng(8)
    users = pl.Series([f"u{i}" for i in range(max(count // EVENTS_PER_USER, 1))])
    times = np.linspace(0, DAYS * 86_400_000_000, count, dtype=np.int64)
    for start in range(0, count, EVENTS_AT_ONCE):
        Archive(folder, "events").write(_events(rng, users, start, times[start : start + EVENTS_AT_ONCE]))
    asked = {"row": np.arange(rows), "user_id": users.gather(rng.integers(0, len(users), rows))}
    with_times(asked, rng.integers(0, DAYS * 86_400_000_000, rows)).write_parquet(folder / ROWS)


def _events(rng: np.random.Generator, users: pl.Series, first: int, times: Any) -> pl.DataFrame:
    items = pl.Series([f"i{i}" for i in range(ITEMS)])
    numbers = pl.DataFrame({"n": np.arange(first, first + len(times))})
    columns = {
        "event_id": numbers.select(pl.format("e{}", "n")).to_series(),
        "user_id": users.gather(rng.integers(0, len(users), len(times))),
        "item": items.gather(rng.integers(0, ITEMS, len(times))),
        "amount": rng.random(len(times)).round(2),
    }
    return with_times(columns, times)


def make_handbook(folder: Path) -> None:
    """Archives of all transactions and their labels; every transaction is asked for, at the end of its second."""
    transactions = read_transactions(HANDBOOK)
    write_archives(transactions, folder)
    end_of_second = pl.col("event_timestamp") + timedelta(microseconds=999_999)
    asked = transactions.select("customer_id", "terminal_id", end_of_second).with_row_index("row")
    asked.write_parquet(folder / ROWS)


def handbook_ours(folder: Path, rows: pl.DataFrame) -> Retrieve:
    """The handbook's features of customers and terminals through our store, for rows of polars."""
    from tests.repos.handbook import definitions

    objects = [o for o in vars(definitions).values() if type(o).__module__.startswith("feast.")]
    features = [
        *(f"customer_transactions:{name}" for name in _handbook_names("customer", "transactions", "amount")),
        *(f"terminal_risk:{name}" for name in _handbook_names("terminal", "labels", "fraud")),
    ]
    offline = {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(folder)}
    return retrieval(folder, offline, objects, rows, features)


def handbook_pandas(folder: Path, rows: pl.DataFrame) -> Retrieve:  # it reads the raw file
    """The same with rolling windows of grouped pandas frames, from a frame in memory that is in order of time.

    A delay is the difference of two windows.
    """
    raw = read_transactions(HANDBOOK).with_row_index("row").sort("event_timestamp", maintain_order=True)
    asked = raw.head(rows.height).to_pandas().set_index("event_timestamp")

    def retrieve() -> pl.DataFrame:
        return _of_customers(asked).join(_of_terminals(asked), on="row")

    return retrieve


def _of_customers(frame: Any) -> pl.DataFrame:
    grouped = frame.groupby("customer_id")
    columns = {"row": _rows_by(frame, "customer_id")}
    for days in HANDBOOK_DAYS:
        rolling = grouped["amount"].rolling(f"{days}D")
        count, mean = _handbook_names("customer", "transactions", "amount", days)
        columns |= {count: rolling.count().to_numpy(), mean: rolling.mean().to_numpy()}
    return pl.DataFrame(columns)


def _of_terminals(frame: Any) -> pl.DataFrame:
    grouped = frame.groupby("terminal_id")
    delay = grouped["fraud"].rolling(f"{DELAY_DAYS}D")
    unknown, unknown_fraud = delay.count().to_numpy(), delay.sum().to_numpy()
    columns = {"row": _rows_by(frame, "terminal_id")}
    for days in HANDBOOK_DAYS:
        rolling = grouped["fraud"].rolling(f"{DELAY_DAYS + days}D")
        known, known_fraud = (
            rolling.count().to_numpy() - unknown,
            rolling.sum().to_numpy() - unknown_fraud,
        )
        count, mean = _handbook_names("terminal", "labels", "fraud", days)
        share = np.divide(known_fraud, known, out=np.full(len(known), np.nan), where=known > 0)
        columns |= {count: known, mean: share}
    return pl.DataFrame(columns)


def _rows_by(frame: Any, key: str) -> Any:
    """Numbers of the rows in the order in which rolling windows of groups come."""
    return frame["row"].to_numpy()[np.argsort(frame[key].to_numpy(), kind="stable")]


def _handbook_names(entity: str, events: str, column: str, *days: int) -> list[str]:
    return [
        f"{entity}_{name}_{n}d"
        for n in days or HANDBOOK_DAYS
        for name in (f"{events}_count", f"{column}_mean")
    ]


if __name__ == "__main__":
    sys.exit(main())
