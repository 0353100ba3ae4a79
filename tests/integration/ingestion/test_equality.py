"""One definition, computed by Feast's own commands, held against the oracle on hundreds of drawn histories."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from feast import FeatureStore

from tests.drawn_shop import (
    END_SECONDS,
    START,
    Histories,
    draw,
    drawn_store,
    hold_history_against_the_oracle,
    hold_online_against_the_oracle,
)
from tests.services import RunningRedis

HISTORIES = 250


@pytest.fixture(scope="module")
def histories() -> Histories:
    return draw(HISTORIES)


@pytest.fixture(scope="module")
def store(
    histories: Histories, redis_server: RunningRedis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FeatureStore]:
    feast = drawn_store(
        tmp_path_factory.mktemp("equality"),
        histories,
        redis_server.address,
        {"type": "ingestion.stores.offline.ParquetOfflineStore"},
        {"type": "ingestion.stores.engine.WindowEngine"},
    )
    yield feast
    feast.teardown()


def test_enough_histories_are_drawn(histories: Histories) -> None:
    """At least 200, most of them with events."""
    assert len(histories) >= 200
    assert sum(bool(history) for history in histories.values()) >= 150


def test_get_historical_features_equals_the_oracle(store: FeatureStore, histories: Histories) -> None:
    """Every customer of every history at instants before, between and after its events."""
    hold_history_against_the_oracle(store, histories)


def test_feast_materialize_equals_the_oracle(store: FeatureStore, histories: Histories) -> None:
    """What the online store holds afterwards, customers without events included."""
    store.materialize(START, START + timedelta(seconds=END_SECONDS))
    hold_online_against_the_oracle(store, histories, END_SECONDS)
