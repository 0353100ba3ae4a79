"""Versions of both models in a folder, and experiments with them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from artefact import Card, InputFeature, set_champion, version_path
from artefact.experiments import Experiment, change_experiments
from serving.answers import Score, Served
from tests.small_models import save_candidates, save_model, small_card

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
INPUT = {"fraud": "transaction_amount", "recommendation": "candidate_score"}
PRODUCTS = {"v1": ["a", "b", "c", "d", "e"], "v2": ["e", "d", "c", "b", "a"]}


def write_models(folder: Path) -> Path:
    """v1, v2 and v3 of each; v1 is in use. Versions of a model differ in the number of their trees."""
    for model, feature in INPUT.items():
        for trees, version in enumerate(("v1", "v2", "v3"), start=5):
            card = small_card(model, [InputFeature(name=feature, dtype="Float64")], version=version)
            save_model(card, folder, trees=trees)
            if model == "recommendation":
                save_candidates(PRODUCTS.get(version, ["a"]), version_path(folder, model, version))
        set_champion(folder, model, "v1")
    return folder


def experiment(name: str = "more-trees", model: str = "fraud", **changes: Any) -> Experiment:
    """v2 against v1 for half of the customers."""
    given = {"salt": name, "champion": "v1", "challenger": "v2", "share": 0.5, "started": NOON}
    return Experiment.model_validate({"name": name, "model": model} | given | changes)


def run_experiments(folder: Path, experiments: Sequence[Experiment]) -> None:
    """These and no others."""
    change_experiments(folder, lambda _: experiments)


def fits(_: Card) -> str | None:
    """Everything fits."""
    return None


def served(user_id: str = "user_1", **changes: Any) -> Served:
    """An order of 60 for product b by somebody who looked at a."""
    score = Score("fraud@v1", 0.5, [60.0], "champion", shadow=False)
    given: dict[str, Any] = {
        "request_id": "r1",
        "time_us": 1,
        "row": {"user_id": user_id, "product_id": "b", "transaction_amount": 60.0},
        "rung": "live",
        "views": {},
        "features": {"user_product_id_last_1d": "a", "candidate_score": 0.1},
        "scores": {"fraud": score, "recommendation": score},
        "risk_level": "LOW",
        "latency_ms": 1.0,
    }
    return Served(**given | changes)
