"""What the arms of an experiment predicted, from the archive of the prediction log."""

import re
from datetime import datetime

import polars as pl

from artefact.experiments import SHADOW, Experiment
from expectations.judged import ASKED_AT, asked_at
from expectations.served import NoPredictionsError, ServedLog
from training.errors import NotEnoughHistoryError
from training.history import TIME

FRAUD = "fraud"
_LOGGED = ("request_id", "user_id", "product_id", TIME, "request", "rung", "risk_level", "scores")


def read_predictions(folder: str, experiment: Experiment, end: datetime) -> pl.DataFrame:
    """Scores of the experiment's model while it ran, those of its shadows too.

    Args:
        folder: Archive of the predictions, day by day; a local path or a URL.
        experiment: Which arms, and from when to when.
        end: Predictions at or behind this instant (aware) are left out.

    Returns:
        ``request_id``, ``user_id``, ``product_id``, ``event_timestamp`` (when it was predicted), ``asked_at``, ``rung``,
        ``arm`` (champion, challenger or shadow), ``version``, ``probability`` and ``listed``: whether it is an entry of a
        list of recommendations.

    Raises:
        NotEnoughHistoryError: if there is none.
    """
    until = min(end, experiment.stopped or end)
    try:
        logged = ServedLog(folder).scan(experiment.started, until, _LOGGED).collect()
    except NoPredictionsError as error:
        raise NotEnoughHistoryError(str(error)) from error
    found = _scores(logged, experiment)
    if found.is_empty():
        raise NotEnoughHistoryError(
            f"no prediction of experiment {experiment.name!r} from {experiment.started} to {until} is in {folder}; "
            "its share is small, the API has not taken it up, or the log is not archived yet"
        )
    return found


def _scores(logged: pl.DataFrame, experiment: Experiment) -> pl.DataFrame:
    models = pl.col("scores").list.eval(pl.element().struct.field("model"))
    deciding = pl.col("scores").list.eval(~pl.element().struct.field("shadow")).list.any()
    rows = logged.with_columns(
        asked_at(),
        listed=deciding & ~models.list.contains(FRAUD),
    )
    part = rf"(?:^|,){re.escape(experiment.name)}:(\w+)(?:,|$)"
    return (
        rows.explode("scores")
        .unnest("scores")
        .filter(pl.col("model") == experiment.model)
        .with_columns(arm=pl.col("arm").str.extract(part, 1))
        .filter(pl.col("arm").is_not_null(), (pl.col("arm") == SHADOW) == pl.col("shadow"))
        .select(
            "request_id",
            "user_id",
            "product_id",
            TIME,
            ASKED_AT,
            "rung",
            "risk_level",
            "arm",
            "version",
            "probability",
            "listed",
        )
        .sort(ASKED_AT, TIME, "request_id", "product_id")
    )
