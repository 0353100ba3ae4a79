"""What an answer was made of, for people.

The contribution of a feature is what the probability loses when this one feature takes its typical value (the median of
the training rows, the most frequent text) while all others stay. All replaced rows are scored in one run. It is exact
about the model and the row, and cheap; contributions of features that work together overlap, so they do not add up to the
probability as Shapley values would.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from artefact import typical_values
from serving.answers import Arm, Served
from serving.models import Model

TOP = 10
"""Features told of each model, those that matter most."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one feature did to a probability."""

    feature: str
    value: Any
    typical: Annotated[Any, Field(description="Median or most frequent value of the training rows.")]
    contribution: Annotated[
        float, Field(description="Probability minus that with the typical value instead.")
    ]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Values that were used, and which of them mattered most, by model."""

    features: dict[str, Any]
    contributions: dict[str, list[Contribution]]


def explain(arm: Arm, served: Served) -> Explanation:
    """Of one order."""
    values = {**served.row, **served.features}
    models = {model.card.model: model for model in (arm.fraud, arm.recommendation)}
    return Explanation(
        dict(served.features),
        {name: contributions(models[name], values, score.inputs) for name, score in served.scores.items()},
    )


def contributions(model: Model, values: Mapping[str, Any], inputs: list[float | None]) -> list[Contribution]:
    """Features of one encoded row [F] that changed the probability, the strongest first.

    Args:
        model: Its card says what is typical; inputs without statistics are left out.
        values: By name, as they are told.
        inputs: As the model saw them.
    """
    typical = typical_values(model.card.inputs, model.card.statistics)
    names = [feature.name for feature in model.card.inputs]
    (usual,) = model.encode({name: [typical.get(name)] for name in names})
    row = np.array(inputs, dtype=np.float32)
    replaced = np.tile(row, (len(names) + 1, 1))
    places = np.arange(len(names))
    replaced[places + 1, places] = usual
    probability, *others = model.score(replaced).tolist()
    found = [
        Contribution(name, values.get(name), typical[name], round(probability - other, 6))
        for name, other in zip(names, others, strict=True)
        if name in typical and other != probability
    ]
    return sorted(found, key=lambda one: abs(one.contribution), reverse=True)[:TOP]
