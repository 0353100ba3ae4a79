"""Windows by Spark in local mode, of an archive and of a stream: every function held against the oracle, every value against the local store."""

import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ingestion.archive import Archive
from ingestion.windows.spec import TIMESTAMP, ViewSpec
from tests import drawn_shop, oracle
from tests.benchmarks import scale_spark_stream
from tests.benchmarks.report import Bar, Report, parser, progress
from tests.oracle import Event

SECOND = drawn_shop.SECOND
EVENTS_PER_USER = 500
PERIOD_SECONDS = 1_000
FILES = 12
REPEATS = 0.01
"""Share of events that arrive a second time."""
LATE_SECONDS = 30
REPEAT_SECONDS = 3
ASKED = 1_000
"""Rows that the oracle answers, too: it takes milliseconds for each."""
LOCAL = {"type": "ingestion.stores.offline.ParquetOfflineStore"}
SPARK = {"type": "ingestion.spark.offline.SparkOfflineStore", "partition_mb": 8}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; non-zero when a value differs."""
    options = parser("scale_spark", __doc__)
    options.add_argument("--events", type=int, default=1_000_000)
    chosen = options.parse_args(argv)
    report = Report("scale_spark")
    try:
        import pyspark  # noqa: F401  # an extra
    except ImportError:
        report.note(
            "pyspark is not installed: .venv-spark/bin/python -m tests.benchmarks.scale_spark after `make test-spark`"
        )
        return report.finish(chosen.json)
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        task = bar.add_task("scale_spark", total=8)
        step = lambda name: bar.update(task, advance=1, description=name)  # noqa: E731
        measure(report, Path(folder), chosen.events, step)
    return report.finish(chosen.json)


def measure(report: Report, folder: Path, count: int, step: Callable[[str], Any]) -> None:
    """Fill the report."""
    from ingestion.spark.latest import collected, latest_of_windows
    from ingestion.spark.session import open_session
    from ingestion.spark.stream.kafka import with_connector
    from ingestion.stores.latest import latest_of_windows as local_latest
    from ingestion.stores.sources import Source
    from tests.integration.ingestion.spark.conftest import CONF

    step("events")
    frame = drawn_events(count)
    asked = drawn_questions(count)
    spark_store, local_store = (
        store_over(folder / name, settings) for name, settings in (("spark", SPARK), ("local", LOCAL))
    )
    for part in frame.with_columns(file=pl.int_range(pl.len()) * FILES // pl.len()).partition_by(
        "file", include_key=False
    ):
        Archive(folder / "data", "drawn").write(part)
    spec = drawn_shop.spec_of(local_store)
    step("start of Spark")
    session = open_session(with_connector(CONF))
    session.sparkContext.setLogLevel("ERROR")
    step("history by Spark")
    ours, seconds = history(spark_store, asked, spec)
    step("history here")
    theirs, local_seconds = history(local_store, asked, spec)
    step("latest rows")
    view = spark_store.get_stream_feature_view("drawn_view")
    source = Source(spark_store.config, view.batch_source)
    end = drawn_shop.START + timedelta(seconds=PERIOD_SECONDS + LATE_SECONDS + REPEAT_SECONDS)
    started = time.perf_counter()
    found = collected(
        latest_of_windows(
            session, view, source, (drawn_shop.START, end), only_changed=False, portion_bytes=8 * 2**20
        ),
        view,
    ).sort("user_id")
    latest_seconds = time.perf_counter() - started
    here = local_latest(view, source, drawn_shop.START, end, only_changed=False, limit_bytes=2**31).sort(
        "user_id"
    )
    step("oracle")
    held = held_against_the_oracle(spec, frame, ours.head(ASKED))
    last = found.with_columns(event_timestamp=pl.lit(end).cast(TIMESTAMP))
    held_last = held_against_the_oracle(spec, frame, last.head(ASKED // 2))
    report.add(Bar("history: values equal to the oracle's", held, "share", least=1.0))
    report.add(Bar("latest rows: values equal to the oracle's", held_last, "share", least=1.0))
    report.add(
        Bar(
            "history: columns equal to the local store's", share_equal(spec, ours, theirs), "share", least=1.0
        )
    )
    report.add(
        Bar(
            "latest rows: columns equal to the local engine's",
            share_equal(spec, found, here),
            "share",
            least=1.0,
        )
    )
    report.add(
        Bar("history", seconds, "s", peer=local_seconds, peer_name="the local store", lower_is_better=True)
    )
    report.add(Bar("latest rows", latest_seconds, "s", lower_is_better=True))
    report.note(
        f"{frame.height:,} events of {count // EVENTS_PER_USER:,} users in {FILES} writes, {len(spec.features)} features of all "
        f"{len({f.function for f in spec.features})} functions, {asked.height:,} rows asked, {ASKED:,} and {ASKED // 2:,} of them by the oracle"
    )
    step("the stream by Spark")
    streamed, stream_seconds = scale_spark_stream.rows(folder / "stream", frame, end)
    streamed = streamed.sort("user_id")
    step("oracle of the stream")
    held = held_against_the_oracle(spec, frame, streamed.head(ASKED // 2))
    report.add(Bar("stream: values equal to the oracle's", held, "share", least=1.0))
    report.add(
        Bar(
            "stream: rows equal to the local engine's",
            scale_spark_stream.share_of_rows_equal(spec, streamed, here),
            "share",
            least=1.0,
        )
    )
    report.add(
        Bar(
            "stream: Kafka to Redis, start of the queries included", stream_seconds, "s", lower_is_better=True
        )
    )
    report.add(Bar("stream", frame.height / stream_seconds, "events/s"))
    session.stop()


def store_over(registry: Path, offline_store: dict[str, Any]) -> Any:
    """A feature store over the folder's archive, with a registry of its own."""
    from feast import FeatureStore, RepoConfig

    registry.mkdir()
    config = RepoConfig(
        project=registry.name,
        provider="local",
        registry=str(registry / "registry.db"),
        offline_store={**offline_store, "root": str(registry.parent / "data")},
        online_store={"type": "sqlite", "path": str(registry / "online.db")},
        entity_key_serialization_version=3,
        repo_path=registry,
    )
    store = FeatureStore(config=config)
    store.apply([drawn_shop.user, drawn_shop.events.stream, drawn_shop.events.archive, drawn_shop.view])
    return store


def history(store: Any, asked: pl.DataFrame, spec: ViewSpec) -> tuple[pl.DataFrame, float]:
    """What a store answers, and in how many seconds."""
    started = time.perf_counter()
    rows: Any = pl.from_arrow(store.get_historical_features(asked, drawn_shop.references(spec)).to_arrow())
    return rows, time.perf_counter() - started


def drawn_events(count: int) -> pl.DataFrame:
    """Events of a period in order of arrival: some late, some twice, some without a value."""
    rng = np.random.default_rng(11)
    # Kafka knows milliseconds of an arrival; so that both ways see the same ones, there is nothing finer.
    times = rng.integers(0, PERIOD_SECONDS * 1000, count) * 1000
    late = np.where(rng.random(count) < 0.1, rng.integers(0, LATE_SECONDS * 1000, count) * 1000, 0)
    frame = pl.DataFrame(
        {
            "event_id": [f"e{i}" for i in range(count)],
            "event_timestamp": pl.Series(drawn_shop.START_US + times).cast(TIMESTAMP),
            "user_id": pl.Series(rng.integers(0, max(1, count // EVENTS_PER_USER), count)).cast(pl.String),
            "arrival_timestamp": pl.Series(drawn_shop.START_US + times + late).cast(TIMESTAMP),
            "amount": pl.Series(np.round(rng.normal(50, 20, count), 2)).set(
                pl.Series(rng.random(count) < 0.05), None
            ),
            "quantity": pl.Series(rng.integers(0, 9, count)),
            "label": pl.Series(rng.integers(0, 20, count)).cast(pl.String),
        }
    )
    again = frame.sample(fraction=REPEATS, seed=5).with_columns(
        pl.col("arrival_timestamp") + timedelta(seconds=REPEAT_SECONDS)
    )
    return pl.concat([frame, again]).sort("arrival_timestamp")


def drawn_questions(count: int) -> pl.DataFrame:
    """A tenth as many rows as events."""
    rng = np.random.default_rng(12)
    rows = max(ASKED, count // 10)
    return pl.DataFrame(
        {
            "user_id": pl.Series(rng.integers(0, max(1, count // EVENTS_PER_USER), rows)).cast(pl.String),
            "event_timestamp": pl.Series(
                drawn_shop.START_US + rng.integers(0, PERIOD_SECONDS * SECOND, rows)
            ).cast(TIMESTAMP),
        }
    )


def held_against_the_oracle(spec: ViewSpec, frame: pl.DataFrame, rows: pl.DataFrame) -> float:
    """Share of the rows all of whose values are the oracle's."""
    asked = rows["user_id"].unique().to_list()
    events: dict[str, list[Event]] = defaultdict(list)
    for row in (
        frame.filter(pl.col("user_id").is_in(asked))
        .with_columns(pl.col(pl.Datetime).to_physical())
        .iter_rows(named=True)
    ):
        user = row["user_id"]
        events[user].append(
            Event((user,), row["event_timestamp"], row["arrival_timestamp"], row["event_id"], row)
        )
    instants = rows["event_timestamp"].to_physical().to_list()
    equal = [
        oracle.differences(spec, mine, oracle.row(spec, events[mine["user_id"]], (mine["user_id"],), t)) == {}
        for mine, t in zip(rows.iter_rows(named=True), instants, strict=True)
    ]
    return sum(equal) / len(equal)


def share_equal(spec: ViewSpec, ours: pl.DataFrame, theirs: pl.DataFrame) -> float:
    """Share of the columns that are equal in every row."""
    names = [feature.name for feature in spec.features]
    return sum(ours[name].equals(theirs[name]) for name in names) / len(names)


if __name__ == "__main__":
    sys.exit(main())
