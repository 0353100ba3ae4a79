"""A prediction log as the API and its archive write it, over the orders of a simulated shop."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl

from artefact import InputFeature, save_card, version_path
from artefact.experiments import Experiment, change_experiments
from ingestion.predictions.record import Record, Score
from tests.small_models import small_card

VERSIONS = ("v1", "v2", "v3")


def write_experiment(models: Path, model: str, started: datetime, **changes: object) -> Experiment:
    """v2 against v1 for half of the customers, v3 beside; the cards are there, risk is HIGH from 0.7 on."""
    models.mkdir(parents=True, exist_ok=True)
    for version in VERSIONS:
        folder = version_path(models, model, version)
        folder.mkdir(parents=True, exist_ok=True)
        save_card(small_card(model, [InputFeature(name="x", dtype="Float64")], version=version), folder)
    given = {
        "name": f"{model}-v2",
        "model": model,
        "salt": "s",
        "champion": "v1",
        "challenger": "v2",
        "share": 0.5,
        "shadows": ("v3",),
        "started": started,
    }
    experiment = Experiment.model_validate(given | changes)
    change_experiments(
        models, lambda known: [*(one for one in known if one.name != experiment.name), experiment]
    )
    return experiment


def is_challenged(user_id: str) -> bool:
    """Half of the customers, by their number."""
    return int(user_id.rpartition("_")[2]) % 2 == 1


def judged(orders: pl.DataFrame, frauds: set[str], seed: int = 1) -> Iterator[Record]:
    """A prediction at each order: v1 guesses, v2 and the shadow v3 know; the shadow's is a record of its own."""
    chance = Random(seed)
    for order_id, user, product, time in orders.select(
        "order_id", "user_id", "product_id", "event_timestamp"
    ).iter_rows():
        known, guess = (0.9 if order_id in frauds else 0.1), chance.random()
        arm, version = ("challenger", "v2") if is_challenged(user) else ("champion", "v1")
        deciding = {
            "fraud": Score(
                f"fraud@{version}", known if arm == "challenger" else guess, [1.0], f"fraud-v2:{arm}", False
            ),
            "recommendation": Score("recommendation@v1", 0.5, [None], f"fraud-v2:{arm}", False),
        }
        shadow = {"fraud": Score("fraud@v3", known, [1.0], "fraud-v2:shadow", True)}
        for scores in (deciding, shadow):
            yield record(order_id, user, product, time, scores, request_seconds=int(time.timestamp()))


def record(
    request_id: str, user: str, product: str, time: datetime, scores: dict[str, Score], **request: object
) -> Record:
    """A prediction of 20 ms before an instant."""
    asked = time - timedelta(milliseconds=20)
    return Record(
        request_id=request_id,
        time_us=int(asked.timestamp() * 1_000_000),
        row={"user_id": user, "product_id": product} | request,
        rung="live",
        views={},
        features={},
        scores=scores,
        risk_level="LOW",
        latency_ms=1.0,
    )
