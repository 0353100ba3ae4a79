"""The arms of an experiment side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
from scipy.stats import binomtest

from artefact.experiments import CHALLENGER, CHAMPION, SHADOW, Experiment
from training.metrics import ranking_figures
from training.outcomes import SETTLED_AT
from training.sequential import Difference, Outcomes, compare


@dataclass(frozen=True)
class ArmFigures:
    """One version in one part.

    Attributes:
        arm: champion, challenger or shadow.
        version: Such as ``fraud@<version>``.
        predictions: All, with those that have no outcome.
        customers: Who got them.
        live_share: Of the predictions, those made from the online store.
        settled: Predictions whose outcome is known.
        positives: Charged back, or ordered.
        outcome_rate: Share of orders decided wrongly, or of lists from which something was ordered; None without any.
        average_precision: Of the settled scores; None where all have one label.
    """

    arm: str
    version: str
    predictions: int
    customers: int
    live_share: float
    settled: int
    positives: int
    outcome_rate: float | None
    average_precision: float | None


@dataclass(frozen=True)
class Comparison:
    """What an experiment has shown so far.

    Attributes:
        experiment: Its definition.
        end: What was known by then is told.
        arms: Champion and challenger, then shadows.
        outcomes: Of the two arms: one per customer, the first that settled.
        difference: The challenger's rate less the champion's; None without a challenger.
        course: The same at the end of each day on which something settled.
        split_p_value: Chance of customers being split so unevenly by the share; None without a challenger.
    """

    experiment: Experiment
    end: datetime
    arms: tuple[ArmFigures, ...]
    outcomes: dict[str, Outcomes]
    difference: Difference | None
    course: tuple[tuple[date, Difference], ...]
    split_p_value: float | None


def compared(
    experiment: Experiment,
    predictions: pl.DataFrame,
    scored: pl.DataFrame,
    units: pl.DataFrame,
    end: datetime,
) -> Comparison:
    """Put figures together.

    The test counts each customer once, with the first outcome that settled: arms are drawn by customer, and orders of one
    customer resemble each other, so that counting all of them would find differences that are none.

    Args:
        experiment: Its definition.
        predictions: ``arm``, ``version``, ``user_id``, ``rung``, a row per prediction.
        scored: ``arm``, ``version``, ``probability``, ``label``, a row per settled prediction.
        units: ``arm``, ``version``, ``user_id``, ``outcome``, ``settled_at``, a row per settled decision.
        end: What was known by then is told.
    """
    first = (
        units.filter(pl.col("arm") != SHADOW)
        .sort(SETTLED_AT)
        .unique("user_id", keep="first", maintain_order=True)
    )
    outcomes = {arm: _outcomes(first, arm) for arm in (CHAMPION, CHALLENGER)}
    arms = tuple(_figures(arm, version, predictions, scored, units) for arm, version in _versions(experiment))
    if experiment.challenger is None:
        return Comparison(experiment, end, arms, outcomes, None, (), None)
    return Comparison(
        experiment,
        end,
        arms,
        outcomes,
        compare(outcomes[CHAMPION], outcomes[CHALLENGER], effect=experiment.effect),
        tuple(_course(experiment, first)),
        _split_p_value(experiment, predictions),
    )


def _versions(experiment: Experiment) -> list[tuple[str, str]]:
    parts = [(CHAMPION, experiment.champion), (CHALLENGER, experiment.challenger)]
    parts += [(SHADOW, version) for version in experiment.shadows]
    return [(arm, f"{experiment.model}@{version}") for arm, version in parts if version]


def _figures(
    arm: str, version: str, predictions: pl.DataFrame, scored: pl.DataFrame, units: pl.DataFrame
) -> ArmFigures:
    own = (pl.col("arm") == arm) & (pl.col("version") == version)
    made, settled, decided = predictions.filter(own), scored.filter(own), units.filter(own)
    return ArmFigures(
        arm,
        version,
        made.height,
        made["user_id"].n_unique(),
        float((made["rung"] == "live").mean() or 0.0),  # type: ignore[arg-type]
        settled.height,
        int(settled["label"].sum()),
        _rate(decided),
        _average_precision(settled),
    )


def _rate(decided: pl.DataFrame) -> float | None:
    return float(decided["outcome"].mean()) if decided.height else None  # type: ignore[arg-type]


def _average_precision(settled: pl.DataFrame) -> float | None:
    if settled["label"].n_unique() < 2:
        return None
    figures = ranking_figures(settled["label"].to_numpy(), settled["probability"].to_numpy())
    return figures["average_precision"]


def _outcomes(units: pl.DataFrame, arm: str) -> Outcomes:
    own = units.filter(pl.col("arm") == arm)
    return Outcomes(own.height, int(own["outcome"].sum()))


def _course(experiment: Experiment, first: pl.DataFrame) -> Sequence[tuple[date, Difference]]:
    days = first[SETTLED_AT].dt.date().unique().sort().to_list()
    settled = pl.col(SETTLED_AT).dt.date()
    course = []
    for day in days:
        known = first.filter(settled <= day)
        before, after = _outcomes(known, CHAMPION), _outcomes(known, CHALLENGER)
        course.append((day, compare(before, after, effect=experiment.effect)))
    return course


def _split_p_value(experiment: Experiment, predictions: pl.DataFrame) -> float:
    customers = predictions.filter(pl.col("arm") != SHADOW).unique(["user_id", "arm"])
    challenged = customers.filter(pl.col("arm") == CHALLENGER).height
    if customers.is_empty() or experiment.share is None:
        return 1.0
    return float(binomtest(challenged, customers.height, experiment.share).pvalue)
