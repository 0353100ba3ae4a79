"""What a model's hash of its inputs takes notice of, in a real registry."""

from datetime import timedelta
from pathlib import Path

import pytest
from feast import FeatureService, FeatureStore
from feast.aggregation import Aggregation

from artefact import feature_service_hash
from feature_repo.entities import user
from feature_repo.events import orders
from ingestion.derive import windowed_view

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
INPUT = "user_amount_sum_1h"
CONFIGURATION = """
project: hashed
provider: local
registry: registry.db
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
"""


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    (tmp_path / "feature_store.yaml").write_text(CONFIGURATION)
    return FeatureStore(repo_path=str(tmp_path))


def hash_of(store: FeatureStore, *aggregations: Aggregation) -> str:
    view = windowed_view(
        "user_orders",
        entities=[user],
        events=orders,
        aggregations=aggregations,
        description="How somebody orders.",
    )
    store.apply([user, view, FeatureService(name="service", features=[view])])
    return feature_service_hash(store, "service", {INPUT})


def test_a_feature_added_beside_the_inputs_changes_nothing(store: FeatureStore) -> None:
    """A served model stays fit to serve while somebody adds features to a view that its service takes whole."""
    known = Aggregation("amount", "sum", HOUR, MINUTE)
    assert hash_of(store, known) == hash_of(store, known, Aggregation("amount", "max", HOUR, MINUTE))


def test_an_input_that_means_something_else_changes_the_hash(store: FeatureStore) -> None:
    """Same name, another hop: Feast sees no change, the model must."""
    before = hash_of(store, Aggregation("amount", "sum", HOUR, MINUTE))
    assert hash_of(store, Aggregation("amount", "sum", HOUR, 5 * MINUTE)) != before


def test_an_input_that_is_gone_changes_the_hash(store: FeatureStore) -> None:
    """The service no longer has what the model reads."""
    before = hash_of(store, Aggregation("amount", "sum", HOUR, MINUTE))
    assert hash_of(store, Aggregation("amount", "max", HOUR, MINUTE)) != before
