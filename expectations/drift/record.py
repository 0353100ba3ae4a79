"""The records of drift and performance: what stays of a day when its predictions were looked at, as JSON.

::

    <data_dir>/reports/
      drift/<model>/<day>.json          `DriftDay`: features and scores of the predictions of a day, and of its hours
      performance/<model>/<day>.json    `PerformanceDay`: labels of the orders of a day, and how well they were predicted
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

import msgspec

from expectations.diagnosis import Alarm

SCORE: Final = "score"
"""Subject of the probabilities that the model gave."""

Kept = TypeVar("Kept", bound="DriftDay | PerformanceDay")


@dataclass(frozen=True)
class Bins:
    """Two distributions over the same bins; nulls and new categories are in none of them.

    Attributes:
        edges: Of a number, ascending, one more than there are bins; the outer ones are the least and greatest value seen,
            and bins hold their lower edge, the last one both. Empty for categories.
        names: Of categories, one for each bin. Empty for numbers.
        reference: Share of the reference's values in each bin.
        current: Share of the current values in each bin.
    """

    edges: tuple[float, ...]
    names: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True)
class Compared:
    """One subject in one interval against its reference.

    Attributes:
        subject: Name of the feature, or `SCORE`.
        view: The feature view that it comes from; None: it is computed on demand, from the request, or the score.
        reference_rows: Training rows of the same hours of the week.
        rows: Predictions.
        psi: Population stability index over `bins`, less what chance alone would bring; None: not judged.
        test: ``ks`` (Kolmogorov-Smirnov, numbers) or ``chi2`` (categories and few values); None: not judged.
        statistic: Of the test: the largest distance of the distributions, or Cramer's V.
        p_value: Of the test.
        p_adjusted: `p_value` corrected for all subjects of the interval (Benjamini-Hochberg).
        missing_reference: Share of nulls in the reference.
        missing: Share of nulls.
        new_categories: Share of values that the reference does not know at all; 0 for numbers.
        new_names: The most frequent of them.
        bins: For a picture; None where not judged, and for hours without an alarm.
        alarm: None: within the thresholds.
        skipped: Why it was not judged; empty where it was.
    """

    subject: str
    view: str | None
    reference_rows: int
    rows: int
    psi: float | None
    test: Literal["ks", "chi2"] | None
    statistic: float | None
    p_value: float | None
    p_adjusted: float | None
    missing_reference: float
    missing: float
    new_categories: float
    new_names: tuple[str, ...]
    bins: Bins | None
    alarm: Alarm | None
    skipped: str = ""


@dataclass(frozen=True)
class Interval:
    """All subjects over one interval, half-open, UTC.

    Attributes:
        start: Begin.
        end: End, not included.
        rows: Predictions in it.
        subjects: Features in the order of the model's inputs, then the score; none where the rows are too few to judge.
    """

    start: datetime
    end: datetime
    rows: int
    subjects: tuple[Compared, ...]

    @property
    def alarms(self) -> tuple[Compared, ...]:
        """Those beyond a threshold."""
        return tuple(subject for subject in self.subjects if subject.alarm)


@dataclass(frozen=True)
class DriftDay:
    """Predictions of a day against the training rows of the model version that made them.

    Attributes:
        model: Name of the model.
        version: The version that decided most of the day's predictions, as logged: ``fraud@<version>``.
        day: The day, UTC.
        built: When it was looked at.
        whole: The day.
        hours: Its hours that had predictions, in order.
    """

    model: str
    version: str
    day: date
    built: datetime
    whole: Interval
    hours: tuple[Interval, ...]


@dataclass(frozen=True)
class Figure:
    """A figure and where it would lie for other orders of the same day (95 %)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class PerformanceDay:
    """What became of the orders of a day that the model had judged.

    Attributes:
        model: Name of the model.
        version: The version that judged most of them.
        day: Day of the orders, UTC.
        built: When it was looked at.
        settled: When its labels had had time to arrive (UTC).
        orders: Orders that were judged before they came.
        positives: Those charged back by `settled`.
        label_rate: Share of `positives`.
        predicted_rate: Mean probability: with a calibrated model it is the label rate.
        average_precision: None: too few positives.
        auc: None: too few positives.
        reference_label_rate: Share of positives in the model's held-out rows.
        reference_average_precision: On them.
        reference_auc: On them.
        alarm: None: within the thresholds.
    """

    model: str
    version: str
    day: date
    built: datetime
    settled: datetime
    orders: int
    positives: int
    label_rate: Figure
    predicted_rate: Figure
    average_precision: Figure | None
    auc: Figure | None
    reference_label_rate: float
    reference_average_precision: float
    reference_auc: float
    alarm: Alarm | None


_FOLDERS: Final[dict[type, str]] = {DriftDay: "drift", PerformanceDay: "performance"}


def keep(record: DriftDay | PerformanceDay, reports: Path) -> Path:
    """Write the record below the reports' folder, in place of an older one of the same model and day; its file."""
    file = reports / _FOLDERS[type(record)] / record.model / f"{record.day}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.tmp")
    temporary.write_bytes(msgspec.json.encode(record))
    temporary.replace(file)
    return file


def kept(kind: type[Kept], reports: Path) -> list[Kept]:
    """All records of a kind below the reports' folder, by model and day."""
    files = sorted((reports / _FOLDERS[kind]).glob("*/[!.]*.json"))
    return [msgspec.json.decode(file.read_bytes(), type=kind) for file in files]
