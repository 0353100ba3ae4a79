"""A registry with the shop's definitions and one view more, on Feast's own local stores."""

from datetime import timedelta
from pathlib import Path

import pytest
from feast import FeatureStore
from feast.aggregation import Aggregation

from expectations.settings import QualitySettings
from feature_repo import definitions, entities, events
from ingestion.derive import windowed_view

YAML = """
project: shop
provider: local
registry: registry.db
offline_store: {type: file}
online_store: {type: sqlite, path: online.db}
entity_key_serialization_version: 3
"""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="session")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repo")
    (folder / "feature_store.yaml").write_text(YAML)
    spending = windowed_view(
        "spending",
        entities=[entities.user],
        events=events.orders,
        description="Every function of the amount.",
        aggregations=[
            *(Aggregation("amount", f, HOUR, HOUR / 12) for f in ("sum", "mean", "min", "max", "std")),
            Aggregation("order_id", "count", HOUR, HOUR / 12),
            Aggregation("amount", "sum", DAY, HOUR),
        ],
        prefix="spending",
    )
    feast = FeatureStore(repo_path=str(folder))
    feast.apply([*(getattr(definitions, name) for name in definitions.__all__), spending])
    return folder


@pytest.fixture(scope="session")
def store(repo: Path) -> FeatureStore:
    return FeatureStore(repo_path=str(repo))


@pytest.fixture
def settings(tmp_path: Path) -> QualitySettings:
    return QualitySettings(data_dir=tmp_path / "data")
