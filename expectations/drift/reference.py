"""The reference of a model, and which of its rows an interval is held against.

A Sunday is not like a Monday, nor the night like the evening: an interval is held against rows of the same hours of the
same weekday or, where these are too few, of the same kind of day, of any day, or all. Rows from before the archive held
all of a window are left out for features of that window: it was still filling.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import polars as pl

from artefact import reference
from expectations.drift.binning import CategoryBins, NumberBins
from expectations.drift.record import SCORE
from expectations.drift.subjects import Subject

_TIME: Final = pl.col(reference.TIME)
_SATURDAY: Final = 6
_TIMES_AS_MANY: Final = 2
"""A reference that is so many times as large as what is held against it is large enough."""


@dataclass(frozen=True)
class Reference:
    """What the values of a model's subjects were in training.

    Attributes:
        rows: ``event_timestamp`` and a column per subject, as `as_looked_at` makes them.
        subjects: The model's inputs, then its score.
        least: With fewer rows of the same hours and weekday others are taken, too.
    """

    rows: pl.DataFrame
    subjects: tuple[Subject, ...]
    least: int

    @classmethod
    def of(cls, rows: pl.DataFrame, inputs: tuple[Subject, ...], least: int) -> "Reference":
        """From the table that is kept beside a model."""
        subjects = (*inputs, Subject(SCORE, None, "Float64", None, None))
        return cls(as_looked_at(rows.rename({reference.SCORE: SCORE}), subjects), subjects, least)

    @cached_property
    def bins(self) -> Mapping[str, NumberBins | CategoryBins]:
        """Of each subject, from all rows."""
        return {
            subject.name: CategoryBins.of(self.rows[subject.name], subject.categories)
            if subject.categories is not None
            else NumberBins.of(self.covered(self.rows, subject)[subject.name])
            for subject in self.subjects
        }

    def covered(self, rows: pl.DataFrame, subject: Subject) -> pl.DataFrame:
        """Those of the rows in which the windows behind a subject were full; of the score, those that have one."""
        if subject.name == SCORE:
            return rows.filter(pl.col(SCORE).is_not_null())
        return rows if subject.covered_from is None else rows.filter(subject.covered_from <= _TIME)

    def like(self, current: pl.DataFrame) -> "Alike":
        """Its rows of the hours and weekdays of the current rows."""
        enough = min(self.least, _TIMES_AS_MANY * current.height)
        return Alike(self, tuple(_conditions(current[reference.TIME])), enough)


class Alike:
    """Rows of a reference that are like others, for each subject as far as there are enough.

    Args:
        whole: The reference.
        conditions: Of the rows that are most alike first; where all leave too few, all rows are taken.
        enough: So many rows are not too few.
    """

    def __init__(self, whole: Reference, conditions: tuple[pl.Expr, ...], enough: int) -> None:
        self._whole, self._conditions, self._enough = whole, conditions, enough
        self._found: dict[tuple[bool, datetime | None], pl.DataFrame] = {}

    def __getitem__(self, subject: Subject) -> pl.Series:
        """The subject's values in them."""
        covered_alike = (subject.name == SCORE, subject.covered_from)
        if covered_alike not in self._found:
            self._found[covered_alike] = self._rows(subject)
        return self._found[covered_alike][subject.name]

    def _rows(self, subject: Subject) -> pl.DataFrame:
        covered = self._whole.covered(self._whole.rows, subject)
        found = (covered.filter(condition) for condition in self._conditions)
        return next((rows for rows in found if rows.height >= self._enough), covered)


def as_looked_at(rows: pl.DataFrame, subjects: tuple[Subject, ...]) -> pl.DataFrame:
    """``event_timestamp`` and the subjects: numbers as float64 without NaN, booleans and texts as text."""
    return rows.select(
        reference.TIME,
        *(
            pl.col(s.name).cast(pl.String)
            if s.categories is not None
            else pl.col(s.name).cast(pl.Float64).fill_nan(None)
            for s in subjects
        ),
    )


def _conditions(times: pl.Series) -> Iterator[pl.Expr]:
    """The most alike first."""
    hours = times.dt.hour().unique().to_list()
    weekdays = times.dt.weekday().unique().to_list()
    at_these_hours = _TIME.dt.hour().is_in(hours)
    yield at_these_hours & _TIME.dt.weekday().is_in(weekdays)
    kinds = {weekday >= _SATURDAY for weekday in weekdays}
    yield at_these_hours & (_TIME.dt.weekday() >= _SATURDAY).is_in(list(kinds))
    yield at_these_hours
