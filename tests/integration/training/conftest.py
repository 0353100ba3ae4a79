"""A simulated month of a shop, and what training is told about it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingestion.events.simulator import FraudConfig, ShopConfig
from tests.simulated_shop import SimulatedShop
from training.settings import TrainingSettings

END = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 36


@dataclass(frozen=True)
class TrainingShop(SimulatedShop):
    """A shop with the settings that fit its history."""

    @property
    def settings(self) -> TrainingSettings:
        """Windows that fit five weeks."""
        return TrainingSettings(
            data_dir=self.data,
            fraud_scenarios=self.data / "ground_truth" / "orders.parquet",
            fraud_train_days=12,
            fraud_folds=2,
            fraud_fold_days=2,
            fraud_label_delay_days=5,
            fraud_test_days=5,
            training_bootstrap_draws=20,
            recommendation_instants=1_500,
            recommendation_test_orders=120,
            recommendation_lookback_days=12,
            recommendation_test_days=4,
            recommendation_train_days=6,
        )


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> TrainingShop:
    """Five weeks of 1,200 customers and 400 products, one order in forty fraud."""
    return simulated(tmp_path_factory.mktemp("training"), customers=1_200)


def simulated(folder: Path, customers: int) -> TrainingShop:
    """Five weeks of so many customers and of 400 products, one order in forty fraud."""
    config = ShopConfig(present=END, customers=customers, products=400, fraud=FraudConfig(share=0.025))
    written = SimulatedShop.write(folder, config, DAYS, seed=5)
    return TrainingShop(written.repo, written.data, written.history)
