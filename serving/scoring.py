"""Rows of features through the models of their arms. Hot path."""

from collections.abc import Container, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from artefact import CANDIDATE_SCORE
from serving.answers import Arm, Score
from serving.features import Columns, Row
from serving.metrics import Metrics
from serving.models import Model

LAST_VIEWED = "user_views:user_product_id_last_1d"
"""The feature that recommendations start from; the recommendation model's service has it too."""
LAST_VIEWED_COLUMN = LAST_VIEWED.partition(":")[2]


def scores(arm: Arm, models: Sequence[Model], columns: Columns, metrics: Metrics) -> list[dict[str, Score]]:
    """[N] what each model says of each row, by the model's name."""
    names = [model.card.model for model in models]
    by_model = [_scores(arm, model, columns, metrics) for model in models]
    return [dict(zip(names, row, strict=True)) for row in zip(*by_model, strict=True)]


def with_request(arm: Arm, rows: Sequence[Row], columns: Columns) -> dict[str, Sequence[Any]]:
    """Features, what only the request knows, and how well each row's product goes with the one looked at last."""
    pairs = zip(columns[LAST_VIEWED_COLUMN], rows, strict=True)
    candidate_scores = [arm.candidates.score(last_viewed, row["product_id"]) for last_viewed, row in pairs]
    asked = {name: [row[name] for row in rows] for name in rows[0]}
    return {**asked, **columns, CANDIDATE_SCORE: candidate_scores}


def by_row(columns: Columns, *, without: Container[str]) -> list[dict[str, Any]]:
    """[N] values by name, some left out."""
    names = [name for name in columns if name not in without]
    return [dict(zip(names, row, strict=True)) for row in zip(*map(columns.get, names), strict=True)]


def rows_by_arm(arms: Sequence[Arm]) -> list[tuple[Arm, list[int]]]:
    """Each arm with the places of its rows."""
    places: dict[int, tuple[Arm, list[int]]] = {}
    for place, arm in enumerate(arms):
        places.setdefault(id(arm), (arm, []))[1].append(place)
    return list(places.values())


def picked(columns: Columns, places: Sequence[int]) -> Columns:
    """Some rows of all columns; all of them are not copied."""
    if len(places) == len(next(iter(columns.values()), ())):
        return columns
    return {name: [values[place] for place in places] for name, values in columns.items()}


def _scores(arm: Arm, model: Model, columns: Columns, metrics: Metrics) -> list[Score]:
    started = perf_counter()
    rows = model.encode(columns)
    encoded = perf_counter()
    probabilities = model.score(rows)
    nulls = np.isnan(rows)
    inputs = rows.astype(object)
    inputs[nulls] = None
    metrics.scored(rows.size, int(np.count_nonzero(nulls)), encoded - started, perf_counter() - encoded)
    return [
        Score(model.version, probability, values, arm.name, shadow=False)
        for probability, values in zip(probabilities.tolist(), inputs.tolist(), strict=True)
    ]
