"""What is known about the predictions of an interval beside their own values: the same values computed again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from expectations.drift.record import SCORE
from expectations.drift.reference import Reference, as_looked_at
from expectations.drift.scoring import Scorer
from expectations.parity import history
from expectations.parity.lag import Tolerated
from expectations.parity.meter import Question, measure
from expectations.parity.plan import plan
from expectations.parity.record import FeatureParity
from expectations.served import KEYS, RECORD, TIME, ServedLog, views, wide


@dataclass(frozen=True)
class Served:
    """Predictions of an interval, as they are read from the log.

    Attributes:
        records: Of `ServedLog.read`.
        features: `RECORD`, ``event_timestamp``, the model's inputs with their own types, and `SCORE`: a row per record.
    """

    records: pl.DataFrame
    features: pl.DataFrame


@dataclass(frozen=True)
class Evidence:
    """A sample of the predictions, computed again.

    Attributes:
        again: ``event_timestamp`` and the subjects as the archive and the model have them.
        parity: How the served values stand to the archive's, by feature.
        degraded: Share of predictions whose values of a view did not come from the online store, by view.
        rescored: Share of predictions of which the model now says something else, from the same features.
    """

    again: pl.DataFrame
    parity: Mapping[str, FeatureParity]
    degraded: Mapping[str, float]
    rescored: float


def gather(
    store: Any,
    log: ServedLog,
    served: Served,
    reference: Reference,
    scorer: Scorer,
    tolerated: Tolerated,
    *,
    sample: int,
    now: datetime,
) -> Evidence:
    """Compute a sample of predictions again.

    Args:
        store: A ``feast.FeatureStore``.
        log: The prediction log, of which `served` is a part.
        served: The predictions of an interval; at least one.
        reference: Says which columns are looked at.
        scorer: Of the version that made the predictions.
        tolerated: How long something may be on its way to the online store.
        sample: About how many are computed again.
        now: The present (aware).
    """
    chosen = served.records.sample(min(sample, served.records.height), seed=0).sort(RECORD)
    features = chosen.select(RECORD).join(served.features, on=RECORD, maintain_order="left")
    again = _again(store, scorer.card.feature_service, chosen, features)
    again = again.with_columns(pl.Series(SCORE, scorer(again)))
    first, last = _ends(served.records)
    question = Question([scorer.card.feature_service], first, last, sample)
    run = measure(store, log, question, tolerated, now=lambda: now)
    return Evidence(
        again=as_looked_at(again, reference.subjects),
        parity={one.feature: one for one in run.services[0].features},
        degraded=_degraded(served.records),
        rescored=scorer.differing(features, features[SCORE]),
    )


def _again(store: Any, service: str, records: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """The same columns, those of the service from the archive."""
    parts = plan(store, service)
    request = wide(records, "request", parts.request)
    asked = records.select(RECORD, *KEYS, TIME).join(request, on=RECORD, maintain_order="left")
    known = history.of_service(store, parts, asked)
    ours = [name for name in known.columns if name in features.columns]
    return features.with_columns(known[name].cast(features.schema[name]) for name in ours)


def _degraded(records: pl.DataFrame) -> dict[str, float]:
    used = views(records).group_by("view").agg((pl.col("view_rung") != "live").mean().alias("share"))
    return dict(used.iter_rows())


def _ends(records: pl.DataFrame) -> tuple[datetime, datetime]:
    """First instant, and one behind the last."""
    first, last = records.select(
        first=pl.col(TIME).min(), last=pl.col(TIME).max() + pl.duration(microseconds=1)
    ).row(0)
    return first, last
