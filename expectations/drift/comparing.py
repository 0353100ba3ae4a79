"""Holds the predictions of an interval against the reference, subject by subject. Says what differs, not yet why."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import polars as pl

from expectations.drift.binning import CategoryBins, NumberBins
from expectations.drift.measures import (
    Tested,
    adjusted,
    chi_square,
    cohens_h,
    kolmogorov_smirnov,
    population_stability,
)
from expectations.drift.record import Bins, Compared
from expectations.drift.reference import Alike, Reference
from expectations.drift.subjects import Subject
from expectations.settings import QualitySettings

_NAMES_SHOWN: Final = 5


@dataclass(frozen=True)
class _Pair:
    """Values of a subject, nulls among them."""

    reference: pl.Series
    current: pl.Series


def compare(reference: Reference, current: pl.DataFrame, *, rows_min: int) -> tuple[Compared, ...]:
    """Each subject of the reference against its values in the current rows, without alarms.

    Args:
        reference: What it was in training.
        current: ``event_timestamp`` and the subjects, as `reference.as_looked_at` makes them.
        rows_min: A reference of fewer rows is none.
    """
    alike = reference.like(current)
    return corrected(
        [_compared(reference, alike, current, subject, rows_min) for subject in reference.subjects]
    )


def compare_one(reference: Reference, current: pl.DataFrame, name: str) -> Compared:
    """One subject, however few rows there are."""
    (subject,) = (subject for subject in reference.subjects if subject.name == name)
    (found,) = corrected([_compared(reference, reference.like(current), current, subject, rows_min=1)])
    return found


def corrected(found: Sequence[Compared]) -> tuple[Compared, ...]:
    """With `p_adjusted`, over all of them that were judged."""
    judged = [one.p_value for one in found if one.p_value is not None]
    values = iter(adjusted(judged))
    return tuple(one if one.p_value is None else replace(one, p_adjusted=next(values)) for one in found)


def exceeded(compared: Compared, settings: QualitySettings) -> tuple[str, ...]:
    """What of a subject is beyond its threshold: large enough to matter, and more than chance would bring."""
    if compared.skipped:
        return ()
    beyond = {
        "distribution": _is_shifted(compared, settings),
        "missing": _is_missing(compared, settings),
        "new_categories": compared.new_categories > settings.drift_new_categories_max,
    }
    return tuple(measure for measure, is_beyond in beyond.items() if is_beyond)


def _is_shifted(compared: Compared, settings: QualitySettings) -> bool:
    assert compared.psi is not None  # noqa: S101  it was judged
    assert compared.p_adjusted is not None  # noqa: S101  the same
    return compared.psi > settings.drift_psi_max and compared.p_adjusted < settings.drift_level


def _is_missing(compared: Compared, settings: QualitySettings) -> bool:
    before, now = compared.missing_reference, compared.missing
    if abs(cohens_h(before, now)) <= settings.drift_missing_change_max:
        return False
    reference, current = (
        np.array([share * rows, (1 - share) * rows]).round().astype(np.int64)
        for share, rows in ((before, compared.reference_rows), (now, compared.rows))
    )
    return chi_square(reference, current).p_value < settings.drift_level


def _compared(
    reference: Reference, alike: Alike, current: pl.DataFrame, subject: Subject, rows_min: int
) -> Compared:
    pair = _Pair(alike[subject], current[subject.name])
    plain = Compared(
        subject=subject.name,
        view=subject.view,
        reference_rows=len(pair.reference),
        rows=len(pair.current),
        psi=None,
        test=None,
        statistic=None,
        p_value=None,
        p_adjusted=None,
        missing_reference=_null_share(pair.reference),
        missing=_null_share(pair.current),
        new_categories=0.0,
        new_names=(),
        bins=None,
        alarm=None,
        skipped=_why_not(reference, current, subject, pair, rows_min),
    )
    if plain.skipped:
        return plain
    bins = reference.bins[subject.name]
    return (
        _with_categories(plain, bins, pair)
        if isinstance(bins, CategoryBins)
        else _with_numbers(plain, bins, pair)
    )


def _why_not(
    reference: Reference, current: pl.DataFrame, subject: Subject, pair: _Pair, rows_min: int
) -> str:
    if len(pair.reference) < rows_min:
        return f"{len(pair.reference)} rows of the reference, and {rows_min} are needed"
    if reference.covered(current, subject).height < current.height and subject.covered_from is not None:
        return f"the archive holds all of its windows from {subject.covered_from:%F %R} UTC on"
    return ""


def _with_categories(plain: Compared, bins: CategoryBins, pair: _Pair) -> Compared:
    before, now = bins.counts(pair.reference), bins.counts(pair.current)
    new = bins.new(pair.current)
    names = new.value_counts(sort=True).head(_NAMES_SHOWN)[new.name].to_list()
    return replace(
        _judged(plain, population_stability(before, now), chi_square(before, now), bins.bins(before, now)),
        new_categories=len(new) / len(pair.current),
        new_names=tuple(names),
    )


def _with_numbers(plain: Compared, bins: NumberBins, pair: _Pair) -> Compared:
    before, now = bins.counts(pair.reference), bins.counts(pair.current)
    numbers = [values.drop_nulls().to_numpy() for values in (pair.reference, pair.current)]
    tested = kolmogorov_smirnov(*numbers) if all(map(len, numbers)) else Tested("ks", 0.0, 1.0)
    return _judged(plain, population_stability(before, now), tested, bins.bins(before, now, pair.current))


def _judged(plain: Compared, psi: float, tested: Tested, bins: Bins) -> Compared:
    return replace(
        plain, psi=psi, test=tested.name, statistic=tested.statistic, p_value=tested.p_value, bins=bins
    )


def _null_share(values: pl.Series) -> float:
    return values.null_count() / max(1, len(values))
