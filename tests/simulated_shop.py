"""A simulated shop in a folder: archives, tables, the real definitions applied; no server is needed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml
from feast import FeatureStore

from feature_repo import definitions
from ingestion.archive import Archive
from ingestion.batch.job import ProductStatistics
from ingestion.events.simulator import History, Shop, ShopConfig
from ingestion.folder import Folder


@dataclass(frozen=True)
class SimulatedShop:
    """Where it lies and what happened in it.

    Attributes:
        repo: Folder of feature_store.yaml.
        data: Folder of the archives, the tables and the truth about fraud.
        history: With that truth, which no event tells.
    """

    repo: Path
    data: Path
    history: History

    @classmethod
    def write(cls, folder: Path, config: ShopConfig, days: float, *, seed: int) -> "SimulatedShop":
        """Simulate so many days before the configuration's present, and write them below ``folder``."""
        repo, data = folder / "repo", folder / "data"
        repo.mkdir()
        simulated, end = Shop(config, seed=seed), config.present
        history = simulated.history(end - timedelta(days=days), end)
        for name, events in history.archives.items():
            Archive(data, name).write(events)
        for name, rows in simulated.tables(end).items():
            Folder(data / "tables" / name).publish({"all.parquet": rows})
        Folder(data / "ground_truth").publish({"orders.parquet": history.ground_truth})
        shop = cls(repo, data, history)
        shop.apply(end)
        return shop

    def apply(self, end: datetime) -> None:
        """Register the definitions and compute the daily statistics up to ``end``."""
        (self.repo / "feature_store.yaml").write_text(yaml.safe_dump(_configuration(self.repo, self.data)))
        store = self.store()
        store.apply([getattr(definitions, name) for name in definitions.__all__])
        statistics = ProductStatistics(store)
        list(statistics.write(statistics.missing(end)))

    def store(self) -> FeatureStore:
        """A feature store of this shop."""
        return FeatureStore(repo_path=str(self.repo))


def _configuration(repo: Path, data: Path) -> dict[str, object]:
    return {
        "project": "training",
        "provider": "local",
        "registry": str(repo / "registry.db"),
        "offline_store": {"type": "ingestion.stores.offline.ParquetOfflineStore", "root": str(data)},
        "online_store": {"type": "sqlite", "path": str(repo / "online.db")},
        "entity_key_serialization_version": 3,
    }
