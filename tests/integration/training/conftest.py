"""A simulated shop in a folder: archives, tables, the real definitions applied; no server is needed."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import yaml
from feast import FeatureStore

from feature_repo import definitions
from ingestion.archive import Archive
from ingestion.batch.job import ProductStatistics
from ingestion.events.simulator import FraudConfig, History, Shop, ShopConfig
from ingestion.folder import Folder
from training.settings import TrainingSettings

END = datetime(2026, 6, 1, tzinfo=UTC)
START = END - timedelta(days=30)


@dataclass(frozen=True)
class SimulatedShop:
    """Where it lies and what happened in it.

    Attributes:
        repo: Folder of feature_store.yaml.
        settings: Windows that fit a month.
        history: With the truth about fraud, which no event tells.
    """

    repo: Path
    settings: TrainingSettings
    history: History

    def store(self) -> FeatureStore:
        """A feature store of this shop."""
        return FeatureStore(repo_path=str(self.repo))


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> SimulatedShop:
    """A month of 1,200 customers and 400 products, one order in forty fraud."""
    folder = tmp_path_factory.mktemp("training")
    repo, data = folder / "repo", folder / "data"
    repo.mkdir()
    config = ShopConfig(present=END, customers=1_200, products=400, fraud=FraudConfig(share=0.025))
    simulated = Shop(config, seed=5)
    history = simulated.history(START, END)
    for name, events in history.archives.items():
        Archive(data, name).write(events)
    for name, rows in simulated.tables(END).items():
        Folder(data / "tables" / name).publish({"all.parquet": rows})
    store = _applied(repo, data)
    statistics = ProductStatistics(store)
    list(statistics.write(statistics.missing(END)))
    settings = TrainingSettings(
        data_dir=data,
        fraud_train_days=12,
        fraud_validation_days=4,
        fraud_label_delay_days=5,
        fraud_test_days=5,
        recommendation_instants=1_500,
        recommendation_test_orders=120,
        recommendation_lookback_days=12,
        recommendation_test_days=4,
        recommendation_train_days=6,
    )
    return SimulatedShop(repo, settings, history)


def _applied(repo: Path, data: Path) -> FeatureStore:
    (repo / "feature_store.yaml").write_text(
        yaml.safe_dump(
            {
                "project": "training",
                "provider": "local",
                "registry": str(repo / "registry.db"),
                "offline_store": {
                    "type": "ingestion.stores.offline.ParquetOfflineStore",
                    "root": str(data),
                },
                "online_store": {"type": "sqlite", "path": str(repo / "online.db")},
                "entity_key_serialization_version": 3,
            }
        )
    )
    store = FeatureStore(repo_path=str(repo))
    store.apply([getattr(definitions, name) for name in definitions.__all__])
    return store


def scenario_recall(shop: SimulatedShop, evaluation: pl.DataFrame, threshold: float) -> dict[str, float]:
    """Share of the tested frauds of each scenario at or above a threshold, whether ever charged back or not."""
    truth = shop.history.ground_truth.select("order_id", "scenario").unique("order_id")
    found = (
        evaluation.join(truth, on="order_id").group_by("scenario").agg((pl.col("score") >= threshold).mean())
    )
    return dict(found.iter_rows())
