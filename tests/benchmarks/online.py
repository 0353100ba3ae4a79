"""Online store: reads and writes of Redis against stock Feast's Redis store on the same server, in the same run.

28 features of three views (12 of a user, 10 of an item, 6 of a shop). Rows are written by our store and read by both:
the wire format is the same. Stock and ours take turns in blocks, so that a busy machine slows both.
"""

import asyncio
import sys
import tempfile
import time
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from rich.progress import Progress

from tests.benchmarks.report import Bar, Report, parser, percentile, progress

if TYPE_CHECKING:
    from feast import FeatureStore

ENTITIES = 20_000
READS = 480
MANY_ROWS = 100
MANY_READS = 24
PUSHES = 48
BATCH_ROWS = 4_000
BATCHES = 12
TABLE_ROWS = 60_000
TABLES = 5
WARM_UP_ROWS = 5_000
TURNS = 4
SEED = 7
STARTED = datetime.now(UTC)

VIEWS = {"user": 12, "item": 10, "shop": 6}
"""Entity and view of the same name, and how many features it has."""

BARE = "bare HMGETs in one pipeline"
BARE_LEAST = 1 / 1.5
"""A direct read takes at most one and a half times what the bare one takes."""

OURS = """
provider: ingestion.stores.provider.ColumnProvider
online_store: {type: ingestion.stores.online.RedisOnlineStore, connection_string: 'ADDRESS'}
offline_store: {type: ingestion.stores.offline.ParquetOfflineStore}
batch_engine: {type: ingestion.stores.engine.WindowEngine}
"""
STOCK = """
provider: local
online_store: {type: redis, connection_string: 'ADDRESS'}
offline_store: {type: file}
"""

Prepare = Callable[[pl.DataFrame], Callable[[], Any]]
"""Takes rows and returns what writes them."""

Read = Callable[[list[dict[str, str]]], Awaitable[Any]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; non-zero when a bar falls short."""
    options = parser("online", __doc__).parse_args(argv)
    warnings.simplefilter("ignore")
    report = Report("online")
    with tempfile.TemporaryDirectory() as folder, _stores(Path(folder)) as (ours, stock), progress() as bar:
        _writes(report, ours, stock, bar)
        asyncio.run(_reads(report, ours, stock, bar))
    report.note(
        f"{sum(VIEWS.values())} features of {len(VIEWS)} views, {ENTITIES:,} entities each, seed {SEED}"
    )
    return report.finish(options.json)


def _writes(report: Report, ours: "FeatureStore", stock: "FeatureStore", bar: Progress) -> None:
    """Stock has no other ways in than push and materialize."""
    from ingestion.stores.push import push_rows

    for view in VIEWS:
        push_rows(ours, view, _frame(view, ENTITIES, 0))
    later = count(1)
    pushes = [_push(stock), _push(ours), _rows(ours)]
    one = _turns(bar, "push one row", PUSHES, [(1, prepare) for prepare in pushes], later)
    report.add(_duration("push of one row, p50", one[1], one[0], "stock push"))
    report.add(_duration("push_rows of one row, p50", one[2], one[0], "stock push", least=2.5))
    taken = _turns(bar, "push", BATCHES, [(BATCH_ROWS, prepare) for prepare in pushes], later)
    stock_push, push, rows = (BATCH_ROWS / percentile(seconds, 0.5) for seconds in taken)
    report.add(_rate(f"push of {BATCH_ROWS:,} rows", push, stock_push, "stock push", least=4))
    report.add(_rate(f"push_rows of {BATCH_ROWS:,} rows", rows, stock_push, "stock push", least=4))
    _materialize(report, ours, stock, bar, later)


def _materialize(
    report: Report, ours: "FeatureStore", stock: "FeatureStore", bar: Progress, later: Iterator[int]
) -> None:
    """With an append-only file, as the platform runs Redis, and without one, as Redis comes."""
    writers = [(BATCH_ROWS, _push(stock)), (TABLE_ROWS, _table(stock)), (TABLE_ROWS, _table(ours))]
    for kept, file in (("yes", "append-only file"), ("no", "no append-only file")):
        with ours.provider.online_store.connections(ours.config).link() as link:
            link.client.config_set("appendonly", kept)
        taken = _turns(bar, f"materialize, {file}", TABLES, writers, later)
        stock_push, stock_table, table = (
            rows / percentile(seconds, 0.5) for (rows, _), seconds in zip(writers, taken, strict=True)
        )
        name = f"materialize of {TABLE_ROWS:,} rows, {file}"
        report.add(_rate(name, table, stock_push, "stock push", least=10))
        report.add(_rate(name, table, stock_table, "stock materialize"))


def _push(store: "FeatureStore") -> Prepare:
    return lambda frame: partial(store.push, "user_push", frame.to_pandas())


def _rows(store: "FeatureStore") -> Prepare:
    from ingestion.stores.push import push_rows

    return lambda frame: partial(push_rows, store, "user", frame)


def _table(store: "FeatureStore") -> Prepare:
    """The rows become the table of the view, which is materialized."""
    file = Path(str(store.repo_path)) / "user.parquet"

    def materialize() -> None:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            store.materialize(STARTED - timedelta(days=1), STARTED + timedelta(days=1), ["user"])

    def prepare(frame: pl.DataFrame) -> Callable[[], None]:
        frame.write_parquet(file)
        return materialize

    return prepare


async def _reads(report: Report, ours: "FeatureStore", stock: "FeatureStore", bar: Progress) -> None:
    from ingestion.stores.reader import OnlineReader

    reader = OnlineReader(ours, "all")
    to_dict = {store: _to_dict(store) for store in (ours, stock)}
    bare = _bare(ours)
    readers = [to_dict[stock], to_dict[ours], reader.read, bare]
    one = await _reading(bar, "read one row", READS, 1, readers)
    many = await _reading(bar, f"read {MANY_ROWS} rows", MANY_READS, MANY_ROWS, readers)
    for name, seconds, leasts in (("one row", one, (2.5, 3.0)), (f"{MANY_ROWS} rows", many, (4.0, 4.0))):
        report.add(
            _duration(f"read of {name}, to_dict, p50", seconds[1], seconds[0], "stock to_dict", leasts[0])
        )
        report.add(
            _duration(f"read of {name}, direct, p50", seconds[2], seconds[0], "stock to_dict", leasts[1])
        )
        report.add(_duration(f"read of {name}, direct, p50", seconds[2], seconds[3], BARE, least=BARE_LEAST))
    await ours.close()
    client = await stock.provider.online_store._get_client_async(stock.config.online_store)
    await client.aclose()


async def _reading(
    bar: Progress, name: str, times: int, rows: int, reads: Sequence[Read]
) -> list[list[float]]:
    """Seconds of each read of each reader; they take turns in blocks."""
    random = np.random.default_rng(SEED)
    seconds: list[list[float]] = [[] for _ in reads]
    task = bar.add_task(name, total=times * len(reads))
    for _ in range(TURNS):
        for read, taken in zip(reads, seconds, strict=True):
            await read(_entity_rows(random, rows))
            for _ in range(times // TURNS):
                asked = _entity_rows(random, rows)
                start = time.perf_counter()
                await read(asked)
                taken.append(time.perf_counter() - start)
            bar.advance(task, times // TURNS)
    return seconds


def _turns(
    bar: Progress, name: str, times: int, writers: Sequence[tuple[int, Prepare]], later: Iterator[int]
) -> list[list[float]]:
    """Seconds of each write of each writer, given with its number of rows; they take turns, after one to warm up.

    Every write is newer than all before it, so none is refused: ``later`` counts up.
    """
    seconds: list[list[float]] = [[] for _ in writers]
    task = bar.add_task(name, total=times * len(writers))
    for rows, prepare in writers:
        prepare(_frame("user", min(rows, WARM_UP_ROWS), next(later)))()
    for _ in range(times):
        for (rows, prepare), taken in zip(writers, seconds, strict=True):
            write = prepare(_frame("user", rows, next(later)))
            start = time.perf_counter()
            write()
            taken.append(time.perf_counter() - start)
            bar.advance(task)
    return seconds


def _duration(
    name: str, ours: Sequence[float], peer: Sequence[float], peer_name: str, least: float | None = None
) -> Bar:
    figure, other = (1000 * percentile(seconds, 0.5) for seconds in (ours, peer))
    return Bar(name, figure, "ms", other, peer_name, least, lower_is_better=True)


def _rate(name: str, ours: float, peer: float, peer_name: str, least: float | None = None) -> Bar:
    return Bar(name, ours, "rows/s", peer, peer_name, least)


def _to_dict(store: "FeatureStore") -> Read:
    service = store.get_feature_service("all")

    async def read(rows: list[dict[str, str]]) -> Any:
        return (await store.get_online_features_async(service, rows)).to_dict()

    return read


def _bare(store: "FeatureStore") -> Read:
    """The least a client can do: the same hash fields of the same keys, one pipeline, nothing decoded."""
    online = store.provider.online_store
    service = store.get_feature_service("all")
    plans = [
        online.read_plan(store.config, store.get_feature_view(p.name), [f.name for f in p.features])
        for p in service.feature_view_projections
    ]
    from ingestion.stores.redis_online import keys
    from ingestion.stores.redis_online.link import arguments

    fields = [arguments(plan.command(b""))[2:] for plan in plans]

    async def read(rows: list[dict[str, str]]) -> Any:
        with online.connections(store.config).async_link() as link:
            pipeline = link.client.pipeline(transaction=False)
            for row in rows:
                for plan, wanted in zip(plans, fields, strict=True):
                    (column,) = plan.request_columns
                    pipeline.hmget(plan.key(keys.part(row[column], "STRING")), wanted)
            return await pipeline.execute()

    return read


def _entity_rows(random: np.random.Generator, rows: int) -> list[dict[str, str]]:
    drawn = random.integers(0, ENTITIES, (rows, len(VIEWS)))
    return [{f"{name}_id": f"{name}_{n:06d}" for name, n in zip(VIEWS, row, strict=True)} for row in drawn]


def _frame(view: str, rows: int, microseconds: int) -> pl.DataFrame:
    """Rows of the first entities of a view, so many microseconds after the start of the run."""
    random = np.random.default_rng(SEED)
    features: dict[str, Any] = {}
    for n in range(VIEWS[view]):
        name = f"{view}_{n}"
        match n % 4:
            case 0:
                features[name] = random.integers(0, 1_000, rows)
            case 3:
                features[name] = pl.Series([f"category {c}" for c in random.integers(0, 50, rows)])
            case _:
                features[name] = random.random(rows)
    ids = [f"{view}_{n:06d}" for n in range(rows)]
    return pl.DataFrame({f"{view}_id": ids, **features}).with_columns(
        pl.lit(STARTED + timedelta(microseconds=microseconds)).alias("event_timestamp")
    )


@contextmanager
def _stores(folder: Path) -> Iterator[tuple["FeatureStore", "FeatureStore"]]:
    """Our store and stock Feast's, on one Redis and one project."""
    from tests.services import running_redis

    with running_redis(folder / "server") as server:
        kinds = {"ours": OURS, "stock": STOCK}
        yield tuple(
            _repository(folder / name, kind.replace("ADDRESS", server.address))
            for name, kind in kinds.items()
        )


def _repository(folder: Path, sections: str) -> "FeatureStore":
    from feast import (
        Entity,
        FeatureService,
        FeatureStore,
        FeatureView,
        Field,
        FileSource,
        PushSource,
        ValueType,
    )
    from feast.types import Float64, Int64, String

    folder.mkdir()
    (folder / "feature_store.yaml").write_text(
        f"project: bench\nregistry: registry.db\nentity_key_serialization_version: 3\n{sections}"
    )
    views, entities = [], []
    for name, features in VIEWS.items():
        entity = Entity(name=name, join_keys=[f"{name}_id"], value_type=ValueType.STRING)
        table = FileSource(name=f"{name}_table", path=f"{name}.parquet", timestamp_field="event_timestamp")
        types = (Int64, Float64, Float64, String)
        schema = [Field(name=f"{name}_{n}", dtype=types[n % 4]) for n in range(features)]
        views.append(
            FeatureView(
                name=name,
                entities=[entity],
                ttl=timedelta(0),
                schema=[Field(name=f"{name}_id", dtype=String), *schema],
                source=PushSource(name=f"{name}_push", batch_source=table),
            )
        )
        entities.append(entity)
    store = FeatureStore(repo_path=str(folder))
    store.apply([*entities, *views, FeatureService(name="all", features=views)])
    return store


if __name__ == "__main__":
    sys.exit(main())
