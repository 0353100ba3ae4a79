"""`get_historical_features` and `feast materialize` by Spark, held against the oracle and the local engine."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from feast import FeatureStore

from ingestion.windows.spec import TIMESTAMP
from tests.drawn_shop import (
    END_SECONDS,
    START,
    Histories,
    draw,
    drawn_store,
    hold_history_against_the_oracle,
    hold_online_against_the_oracle,
    references,
    spec_of,
)
from tests.services import RunningRedis

SPARK_STORE = {"type": "ingestion.spark.offline.SparkOfflineStore", "partition_mb": 1}
SPARK_ENGINE = {"type": "ingestion.spark.engine.SparkEngine", "partition_mb": 1}


@pytest.fixture(scope="module")
def histories() -> Histories:
    return draw(60)


@pytest.fixture(scope="module")
def store(
    spark: Any, histories: Histories, redis_server: RunningRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FeatureStore]:
    repo = tmp_path_factory.mktemp("spark_batch")
    feast = drawn_store(repo, histories, redis_server.address, SPARK_STORE, SPARK_ENGINE)
    yield feast
    feast.teardown()


def test_get_historical_features_equals_the_oracle(store: FeatureStore, histories: Histories) -> None:
    """Every customer of every history at instants before, between and after its events."""
    hold_history_against_the_oracle(store, histories)


def test_materialize_equals_the_oracle(store: FeatureStore, histories: Histories) -> None:
    """Rows are written to Redis by the workers that computed them, customers without events included."""
    store.materialize(START, START + timedelta(seconds=END_SECONDS))
    hold_online_against_the_oracle(store, histories, END_SECONDS)


def test_rows_come_back_in_order_as_the_local_store_gives_them(
    store: FeatureStore,
    histories: Histories,
    redis_server: RunningRedis,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Repeated rows, null keys, unknown customers, and windows as they were known by a time of their own."""
    local = drawn_store(
        tmp_path_factory.mktemp("local_batch"),
        histories,
        redis_server.address,
        {"type": "ingestion.stores.offline.ParquetOfflineStore"},
        {"type": "ingestion.stores.engine.WindowEngine"},
    )
    keys = ["3_a", None, "3_a", "nobody", *(f"{i}_b" for i in range(40))]
    instants = pl.Series([START + timedelta(seconds=20 + i) for i in range(len(keys))]).cast(TIMESTAMP)
    rows = pl.DataFrame({"user_id": keys, "event_timestamp": instants})
    known = rows.with_columns(known_timestamp=pl.col("event_timestamp") + pl.duration(seconds=15))
    for asked in (rows, known):
        ours, theirs = (
            pl.from_arrow(each.get_historical_features(asked, references(spec_of(each))).to_arrow())
            for each in (store, local)
        )
        assert isinstance(ours, pl.DataFrame)
        assert ours.equals(theirs)
