"""The stream of `scale_spark`: events go through Kafka and Spark into Redis, and the rows that lie there come back."""

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import Any

import orjson
import polars as pl
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ingestion.shares import shares_of
from ingestion.spark.stream.settings import SparkStreamSettings
from ingestion.windows.spec import TIMESTAMP, ViewSpec
from tests import drawn_shop, oracle
from tests.services import running_kafka, running_redis

PARTITIONS = 4
SHARES = 4
_CONFIG = """\
project: scale_spark
provider: local
registry: registry.db
offline_store: {{type: ingestion.stores.offline.ParquetOfflineStore, root: data}}
online_store: {{type: ingestion.stores.online.RedisOnlineStore, connection_string: "{redis}"}}
entity_key_serialization_version: 3
"""


def rows(folder: Path, events: pl.DataFrame, end: datetime) -> tuple[pl.DataFrame, float]:
    """Rows of all users as they are at an instant, and how long the stream took.

    Args:
        folder: For everything that is written.
        events: Columns as in the archive, in arrival order.
        end: The instant, not before the last arrival.
    """
    from ingestion.spark.stream.program import run

    with running_kafka(folder / "kafka") as kafka, running_redis(folder / "redis") as redis:
        store = _store(folder / "repo", redis.address)
        _send(kafka.bootstrap, pl.concat([events, _closing(end)], how="diagonal"))
        settings = SparkStreamSettings.model_validate(
            {
                "data_dir": folder / "data",
                "kafka_bootstrap": kafka.bootstrap,
                "feature_repo": folder / "repo",
                "stream_clock": "event",
                "spark_shares": SHARES,
                "spark_metrics_port": 0,
            }
        )
        started = time.perf_counter()
        run(settings, Event(), once=True)
        seconds = time.perf_counter() - started
        return _read(store, events["user_id"].unique(), end), seconds


def share_of_rows_equal(spec: ViewSpec, ours: pl.DataFrame, theirs: pl.DataFrame) -> float:
    """Share of the users all of whose values are equal, sums to 1e-9."""
    found: Mapping[str, dict[str, Any]] = {row["user_id"]: row for row in theirs.iter_rows(named=True)}
    equal = [oracle.differences(spec, row, found[row["user_id"]]) == {} for row in ours.iter_rows(named=True)]
    return sum(equal) / len(equal)


def _store(repo: Path, redis: str) -> Any:
    from feast import FeatureStore

    repo.mkdir(parents=True)
    (repo / "feature_store.yaml").write_text(_CONFIG.format(redis=redis))
    store = FeatureStore(repo_path=str(repo))
    store.apply([drawn_shop.user, drawn_shop.events.stream, drawn_shop.events.archive, drawn_shop.view])
    return store


def _closing(end: datetime) -> pl.DataFrame:
    """An event at the instant for each share, after which its windows stand there."""
    names = pl.Series([f"closing_{n}" for n in range(50 * SHARES)])
    chosen = pl.DataFrame({"user_id": names, "share": shares_of([names], SHARES)}).unique("share")
    at = pl.lit(end).cast(TIMESTAMP)
    return chosen.select("user_id", event_id=pl.col("user_id"), event_timestamp=at, arrival_timestamp=at)


def _send(bootstrap: str, events: pl.DataFrame) -> None:
    """In arrival order, at the times at which they arrived; the events of a user in one partition."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics(
        [NewTopic("drawn", PARTITIONS, config={"retention.ms": "-1"})]
    ).values():
        future.result()
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
    )
    for row in events.iter_rows(named=True):
        arrival = row.pop("arrival_timestamp")
        value = orjson.dumps({name: told for name, told in row.items() if told is not None})
        while True:
            try:
                producer.produce("drawn", value, row["user_id"], timestamp=round(arrival.timestamp() * 1000))
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(120) == 0


def _read(store: Any, users: pl.Series, end: datetime) -> pl.DataFrame:
    spec = drawn_shop.spec_of(store)
    keys = [{"user_id": user} for user in users]
    found = store.get_online_features(drawn_shop.references(spec), keys).to_dict()
    columns = {feature.name: pl.Series(found[feature.name], dtype=feature.dtype) for feature in spec.features}
    return pl.DataFrame({"user_id": users, **columns}).with_columns(
        event_timestamp=pl.lit(end).cast(TIMESTAMP)
    )
