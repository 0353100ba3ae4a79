"""What was answered: predictions by hour, latency, rungs, scores and views of one day of the prediction log."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.served import DECIDES, TIME

SCORE_EDGES: Final = tuple(round(float(edge), 6) for edge in np.geomspace(1e-4, 1, 25))
"""Edges of the bins of probabilities; what lies beyond is in the outer ones."""
COLUMNS: Final = (TIME, "request_id", "rung", "risk_level", "latency_ms", "views", "scores")
_QUANTILES: Final = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99}


@dataclass(frozen=True)
class Hour:
    """Answers of one hour, and how long they took (milliseconds)."""

    start: datetime
    predictions: int
    p50_ms: float
    p95_ms: float
    p99_ms: float


@dataclass(frozen=True)
class ScoreCounts:
    """Probabilities that one version of a model gave.

    Attributes:
        model: Its name.
        version: As logged.
        shadow: Whether it scored without deciding.
        predictions: How many.
        mean: Mean probability.
        counts: In the bins of `SCORE_EDGES`.
    """

    model: str
    version: str
    shadow: bool
    predictions: int
    mean: float
    counts: tuple[int, ...]


@dataclass(frozen=True)
class TrafficDay:
    """A day of the prediction log; shadows are in `scores` only.

    Attributes:
        day: UTC.
        files: Its files and their sizes in bytes: what the figures were made of.
        requests: Distinct ids of requests.
        whole: All its hours as one.
        hours: Those that had predictions, in order.
        rungs: Predictions by the worst rung of their views.
        risk_levels: Predictions by risk level; without a fraud model ``none``.
        views: For each feature view, predictions by what it gave: ``PRESENT``, ``NOT_FOUND``, …
        scores: For each version that scored.
    """

    day: date
    files: Mapping[str, int]
    requests: int
    whole: Hour
    hours: tuple[Hour, ...]
    rungs: Mapping[str, int]
    risk_levels: Mapping[str, int]
    views: Mapping[str, Mapping[str, int]]
    scores: tuple[ScoreCounts, ...]

    @property
    def live_share(self) -> float:
        """Share of predictions made of live values alone."""
        return self.rungs.get("live", 0) / self.whole.predictions


def measure(day: date, files: Mapping[str, int], log: pl.LazyFrame) -> TrafficDay | None:
    """Figures of a day from its records with `COLUMNS`; None where nothing was answered."""
    records = log.select(*COLUMNS).with_columns(
        _fields("scores", "model", "version", "probability", "shadow"), _fields("views", "name", "status")
    )
    held = records.collect(engine="streaming")
    answers = held.filter(DECIDES)
    if answers.is_empty():
        return None
    hours = _hours(answers.group_by(start=pl.col(TIME).dt.truncate("1h")))
    return TrafficDay(
        day=day,
        files=files,
        requests=answers["request_id"].n_unique(),
        whole=_hours(answers.group_by(start=pl.col(TIME).dt.truncate("1d")))[0],
        hours=tuple(hours),
        rungs=_counted(answers["rung"]),
        risk_levels=_counted(answers["risk_level"]),
        views=_views(answers),
        scores=_scores(held),
    )


def _fields(column: str, *names: str) -> pl.Expr:
    """Lists of structs with these fields alone: encoded inputs are not needed, and most of a record."""
    element = pl.element().struct
    return pl.col(column).list.eval(pl.struct(*(element.field(name) for name in names)))


def _hours(grouped: Any) -> list[Hour]:
    latency = pl.col("latency_ms")
    quantiles = {name: latency.quantile(share) for name, share in _QUANTILES.items()}
    rows = grouped.agg(predictions=pl.len(), **quantiles).sort("start")
    return [Hour(**row) for row in rows.to_dicts()]


def _counted(values: pl.Series) -> dict[str, int]:
    counts = values.fill_null("none").value_counts(sort=True)
    return dict(counts.iter_rows())


def _views(answers: pl.DataFrame) -> dict[str, dict[str, int]]:
    given = answers.select(pl.col("views").explode()).drop_nulls().unnest("views")
    found: dict[str, dict[str, int]] = {}
    for name, status, count in given.group_by("name", "status").len().sort("name", "status").iter_rows():
        found.setdefault(name, {})[status] = count
    return found


def _scores(records: pl.DataFrame) -> tuple[ScoreCounts, ...]:
    scored = (
        records.select(pl.col("scores").explode()).drop_nulls().unnest("scores").drop_nulls("probability")
    )
    groups = scored.sort("model", "shadow", "version").group_by(
        "model", "version", "shadow", maintain_order=True
    )
    return tuple(
        _score(str(model), str(version), bool(shadow), rows["probability"].to_numpy())
        for (model, version, shadow), rows in groups
    )


def _score(model: str, version: str, shadow: bool, probabilities: NDArray[np.float64]) -> ScoreCounts:
    held = np.clip(probabilities, SCORE_EDGES[0], SCORE_EDGES[-1])
    counts, _ = np.histogram(held, SCORE_EDGES)
    return ScoreCounts(
        model, version, shadow, len(probabilities), float(probabilities.mean()), tuple(counts.tolist())
    )
