"""The clean shop: ten weeks of history, a model trained on the last of them, and a month of predictions behind it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from artefact import Card
from expectations.drift.scoring import Scorer
from feature_repo import definitions
from ingestion.batch.job import ProductStatistics
from ingestion.events.simulator import Shop, ShopConfig
from tests.benchmarks.faulty.place import store_of, with_positions, write_events, write_tables
from tests.benchmarks.faulty.served import READ, answers, questions, write_log
from training.fraud import train_fraud
from training.settings import TrainingSettings

SERVICE = "fraud_v1"
TRAINED = datetime(2026, 3, 16, tzinfo=UTC)
"""A Monday: what the model may know ends here."""
BEFORE_DAYS, CLEAN_DAYS = 70, 30
DAY = timedelta(days=1)
FAULTY = (TRAINED + CLEAN_DAYS * DAY).date()
"""The day on which things go wrong; it is clean, too, in the clean shop."""
END = datetime.combine(FAULTY, time(), UTC) + DAY


@dataclass(frozen=True)
class World:
    """The clean shop.

    Attributes:
        data: Its data folder.
        registry: File of the Feast registry.
        seed: Of everything.
        events: What was archived and taken in by the stream, by event type, in order of arrival.
        tables: The shop's tables.
        scorer: The model.
    """

    data: Path
    registry: Path
    seed: int
    events: Mapping[str, pl.DataFrame]
    tables: Mapping[str, pl.DataFrame]
    scorer: Scorer

    @property
    def card(self) -> Card:
        """The model's card."""
        return self.scorer.card

    def of_day(self, day: date) -> dict[str, pl.DataFrame]:
        """Events of a day."""
        return {
            name: rows.filter(pl.col("event_timestamp").dt.date() == day)
            for name, rows in self.events.items()
        }

    def with_day(self, day: date, changed: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """All events, those of one day replaced."""
        others = pl.col("event_timestamp").dt.date() != day
        return {
            name: pl.concat([rows.filter(others), changed[name].select(rows.columns)]).sort(
                "arrival_timestamp"
            )
            for name, rows in self.events.items()
        }


def make(folder: Path, customers: int, seed: int, step: Callable[[str], None]) -> World:
    """Simulate, train, and serve; tells of each step."""
    data, registry = folder / "clean", folder / "registry.db"
    data.mkdir()
    step("simulating")
    shop = Shop(ShopConfig(present=END, customers=customers, products=300), seed)
    history = shop.history(TRAINED - BEFORE_DAYS * DAY, END)
    events = {name: with_positions(rows, name) for name, rows in history.archives.items()}
    tables = shop.tables(END)
    write_events(data, events)
    write_tables(data, tables)
    store = store_of(data, registry)
    store.apply([getattr(definitions, name) for name in definitions.__all__])
    statistics = ProductStatistics(store)
    list(statistics.write(statistics.missing(TRAINED)[-1:]))
    step("training")
    trained = train_fraud(store, _settings(data, seed))
    world = World(data, registry, seed, events, tables, Scorer(trained.path))
    step("serving")
    _serve(store, world)
    return world


def _serve(store: Any, world: World) -> None:
    """Predictions of all days behind the training."""
    orders = world.events["orders"].filter(pl.col("event_timestamp") >= TRAINED)
    answered = answers(store, SERVICE, questions(orders, world.seed), world.events)
    write_log(world.data, answered, world.card, world.scorer)


def _settings(data: Path, seed: int) -> TrainingSettings:
    return TrainingSettings(
        data_dir=data,
        training_data_end=TRAINED,
        training_seed=seed,
        fraud_folds=2,
        fraud_fold_days=3,
        training_bootstrap_draws=20,
        training_promote=True,
    )


__all__ = ["CLEAN_DAYS", "DAY", "END", "FAULTY", "READ", "SERVICE", "TRAINED", "World", "make"]
