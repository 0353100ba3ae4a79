"""One day of predictions against the training rows of the model version that made them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import polars as pl

from artefact import version_path
from artefact.reference import load_reference
from expectations.drift.comparing import compare, exceeded
from expectations.drift.diagnosing import diagnosed
from expectations.drift.evidence import Evidence, Served, gather
from expectations.drift.labels import Outcomes, reference_outcomes
from expectations.drift.record import SCORE, Compared, DriftDay, Interval
from expectations.drift.reference import Reference, as_looked_at
from expectations.drift.scoring import Scorer
from expectations.drift.subjects import subjects_of
from expectations.parity.report import tolerated
from expectations.served import RECORD, TIME, ServedLog, scores, wide
from expectations.settings import QualitySettings

_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)
_TYPES: Final[Mapping[str, pl.DataType]] = {
    "Float64": pl.Float64(),
    "Float32": pl.Float64(),
    "Int64": pl.Int64(),
    "Int32": pl.Int64(),
    "Bool": pl.Boolean(),
    "String": pl.String(),
}


@dataclass(frozen=True)
class Means:
    """What a day is looked at with.

    Attributes:
        store: A ``feast.FeatureStore``.
        settings: Folders and thresholds.
        now: The present (aware).
    """

    store: Any
    settings: QualitySettings
    now: datetime

    @cached_property
    def log(self) -> ServedLog:
        """The prediction log."""
        return ServedLog(self.settings.predictions_url)


@dataclass(frozen=True)
class Version:
    """A version of a model.

    Attributes:
        scorer: What it says.
        reference: What its inputs and its score were in training.
        outcomes: What became of the orders that it was judged on in training.
    """

    scorer: Scorer
    reference: Reference
    outcomes: Outcomes

    @classmethod
    def load(cls, means: Means, model: str, version: str) -> "Version":
        """From its artefact.

        Raises:
            ArtefactError: it has no reference, or is not there.
        """
        settings = means.settings
        folder = version_path(settings.models_dir, model, version)
        scorer = Scorer(folder)
        inputs = subjects_of(means.store, scorer.card, settings.archive_url)
        rows = load_reference(folder)
        return cls(
            scorer,
            Reference.of(rows, inputs, settings.drift_reference_rows_min),
            reference_outcomes(rows, settings),
        )


class Look:
    """Predictions of a model on a day.

    Args:
        means: What they are looked at with.
        model: Name of the model.
        start: Midnight of the day (UTC).
        load: From the name of a version, such as ``fraud@v1``, to it.

    Raises:
        NoPredictionsError: nothing is archived.
        ArtefactError: the version that made them has no reference, or is not there.
    """

    def __init__(self, means: Means, model: str, start: datetime, load: Callable[[str], Version]) -> None:
        self._means, self._model, self._start = means, model, start
        records = means.log.read(start, start + _DAY)
        said = scores(records).filter((pl.col("model") == model) & ~pl.col("shadow"))
        self.version: str | None = said["version"].mode().sort().to_list()[0] if said.height else None
        mine = said.filter(pl.col("version") == self.version).select(
            RECORD, pl.col("probability").alias(SCORE)
        )
        self._records = records.join(mine.select(RECORD), on=RECORD, how="semi")
        self._scores = mine
        self._load = load

    @cached_property
    def _version(self) -> Version:
        return self._load(str(self.version))

    @property
    def is_empty(self) -> bool:
        """Whether the model decided nothing on that day."""
        return self.version is None

    def result(self) -> DriftDay:
        """The day and its hours; alarms say what happened."""
        settings, start = self._means.settings, self._start
        whole = self._interval(start, start + _DAY, settings.drift_day_rows_min)
        hours = (
            self._interval(start + _HOUR * i, start + _HOUR * (i + 1), settings.drift_hour_rows_min)
            for i in range(24)
        )
        return DriftDay(
            model=self._model,
            version=str(self.version),
            day=start.date(),
            built=self._means.now,
            whole=whole,
            hours=tuple(_without_pictures(hour) for hour in hours if hour.rows),
        )

    def _interval(self, start: datetime, end: datetime, rows_min: int) -> Interval:
        features = self._features.filter(pl.col(TIME).is_between(start, end, closed="left"))
        if features.height < rows_min:
            return Interval(start, end, features.height, ())
        current = as_looked_at(features, self._version.reference.subjects)
        found = compare(self._version.reference, current, rows_min=rows_min)
        beyond = {one.subject: exceeded(one, self._means.settings) for one in found}
        if any(beyond.values()):
            evidence = self._evidence(features)
            found = tuple(self._with_alarm(one, beyond[one.subject], evidence) for one in found)
        return Interval(start, end, features.height, found)

    def _with_alarm(self, compared: Compared, measures: tuple[str, ...], evidence: Evidence) -> Compared:
        if not measures:
            return compared
        return replace(
            compared,
            alarm=diagnosed(compared, measures, self._version.reference, evidence),
        )

    def _evidence(self, features: pl.DataFrame) -> Evidence:
        settings = self._means.settings
        return gather(
            self._means.store,
            self._means.log,
            Served(self._records.join(features.select(RECORD), on=RECORD, how="semi"), features),
            self._version.reference,
            self._version.scorer,
            tolerated(settings),
            sample=settings.parity_sample,
            now=self._means.now,
        )

    @cached_property
    def _features(self) -> pl.DataFrame:
        """`RECORD`, ``event_timestamp``, the model's inputs and its score."""
        card = self._version.scorer.card
        stored = {
            field.name
            for projection in self._means.store.get_feature_service(
                card.feature_service
            ).feature_view_projections
            for field in projection.features
        }
        kinds = {feature.name: _TYPES[feature.dtype] for feature in card.inputs}
        parts = (
            wide(
                self._records, column, {name: kind for name, kind in kinds.items() if (name in stored) == own}
            )
            for column, own in (("features", True), ("request", False))
        )
        frames = [self._records.select(RECORD, TIME), *(part.drop(RECORD) for part in parts)]
        together = pl.concat(frames, how="horizontal")
        return together.join(self._scores, on=RECORD, how="left", maintain_order="left")


def _without_pictures(hour: Interval) -> Interval:
    return replace(
        hour, subjects=tuple(one if one.alarm else replace(one, bins=None) for one in hour.subjects)
    )
