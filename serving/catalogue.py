"""Which models are loaded and how good they are: ``GET /models``. Control path."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from artefact import Thresholds, load_overrides
from serving.answers import Arm, ModelSet
from serving.models import Model


@dataclass(frozen=True)
class TrainedOn:
    """Event times of the training rows, half-open."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Levels:
    """Fraud probabilities from which the risk is MEDIUM and HIGH."""

    medium: float
    high: float


@dataclass(frozen=True)
class Overruled:
    """Somebody put the version in use although checks of it failed."""

    by: Annotated[str, Field(description="Account and machine.")]
    reason: str
    time: datetime
    failed: Annotated[dict[str, str], Field(description="What each check that failed had found.")]


@dataclass(frozen=True)
class ModelSheet:
    """One loaded version of a model."""

    name: str
    version: str
    feature_service: str
    created: datetime
    trained_on: TrainedOn
    thresholds: Levels | None
    arms: Annotated[list[str], Field(description="For whom it decides.")]
    shadow: Annotated[bool, Field(description="Whether it scores beside the answers.")]
    overruled: Annotated[
        list[Overruled], Field(description="Promotions against its checks, the oldest first.")
    ]
    rungs: Annotated[
        dict[str, dict[str, Any]],
        Field(description="Accuracy on held-out rows with the features that each rung has."),
    ]
    metrics: Annotated[dict[str, Any], Field(description="All figures of the model card.")]


@dataclass(frozen=True)
class Models:
    """Answer to ``GET /models``."""

    models: list[ModelSheet]
    request_id: str


def sheets(models: ModelSet, request_id: str) -> Models:
    """All models of a set, in the order they were loaded. Reads what lies beside each: not for the event loop."""
    arms = models.arms.every()
    return Models([_sheet(model, arms) for model in models.models.values()], request_id)


def _sheet(model: Model, arms: Iterable[Arm]) -> ModelSheet:
    card = model.card
    return ModelSheet(
        name=card.model,
        version=card.version,
        feature_service=card.feature_service,
        created=card.created,
        trained_on=TrainedOn(card.data_window.start, card.data_window.end),
        thresholds=_levels(card.thresholds),
        arms=[arm.name for arm in arms if model in (arm.fraud, arm.recommendation)],
        shadow=any(model in arm.shadows for arm in arms),
        overruled=[
            Overruled(one.by, one.reason, one.time, dict(one.failed)) for one in load_overrides(model.folder)
        ],
        rungs=card.metrics.get("rungs", {}),
        metrics=card.metrics,
    )


def _levels(thresholds: Thresholds | None) -> Levels | None:
    return None if thresholds is None else Levels(thresholds.medium, thresholds.high)
