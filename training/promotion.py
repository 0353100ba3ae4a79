"""What a version must show before it decides about orders."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from artefact import AcceptedBatch, InputFeature
from expectations.parity.gate import missed, newest
from expectations.parity.record import ParityRun
from expectations.resampling import Interval
from expectations.settings import QualitySettings
from training.calibrated import Matrix
from training.convert import Converted
from training.history import read_features
from training.inputs import matrix
from training.settings import TrainingSettings
from training.verdict import Check, Verdict

_TIMED_ROWS = 2_000
_PARITY_ROWS = 50


def judge(checks: Sequence[Check], settings: TrainingSettings) -> Verdict:
    """Promote where every check held and the settings let it."""
    return Verdict(tuple(checks), all(check.holds for check in checks) and settings.training_promote)


def expectations_held(service: str, accepted: AcceptedBatch | None) -> Check:
    """Of a training set that its gate let through; one that somebody let through makes no champion by itself."""
    name = "expectations"
    if accepted is None:
        return Check(name, holds=True, detail=f"the training set met the suite of {service}")
    failures = ", ".join(accepted.failures)
    return Check(
        name, holds=False, detail=f"taken by {accepted.by} ({accepted.reason}) in spite of {failures}"
    )


def served_as_history(
    service: str, runs: Iterable[ParityRun], settings: QualitySettings, now: datetime
) -> Check:
    """Whether values that were served lately are those of history, which the version learned from.

    Args:
        service: Name of the feature service.
        runs: Measurements of parity, the newest first.
        settings: Bounds, and for how long a measurement is of account.
        now: The present, aware.
    """
    name, found = "served as in history", newest(runs, service, settings, now)
    if found is None:
        hours = settings.parity_gate_hours
        return Check(
            name, holds=True, detail=f"parity of {service} was not measured in the last {hours:g} hours"
        )
    measured, parity_found = found
    reasons = missed(parity_found, settings)
    told = "; ".join(reasons) or f"{parity_found.equal_ratio:.4%} of {parity_found.compared:,} values equal"
    return Check(name, holds=not reasons, detail=f"{told}; measured {measured:%F %T} UTC")


def not_worse_than_champion(version: str | None, gain: Interval | None, figure: str) -> Check:
    """Whether other customers could have made the loss against the champion, if there is one.

    Args:
        version: The champion's, None where there is none.
        gain: On the champion on the same rows; None where the champion cannot be scored on them.
        figure: What the gain is measured in.
    """
    name = "not worse than the champion"
    if version is None:
        return Check(name, holds=True, detail="there is no champion")
    if gain is None:
        return Check(name, holds=True, detail=f"{version} cannot be scored: it reads features that are gone")
    told = f"{figure} {gain['mean']:+.4f} ({gain['low']:+.4f} .. {gain['high']:+.4f}) against {version}"
    return Check(name, holds=gain["high"] >= 0, detail=told)


def calibration_within(error: float, settings: TrainingSettings) -> Check:
    """Whether probabilities are what they say."""
    most = settings.training_calibration_error_max
    return Check("calibration", holds=error <= most, detail=f"mean error {error:.4f}, at most {most:g}")


def scoring_within(converted: Converted, rows: Matrix, settings: TrainingSettings) -> Check:
    """Whether one row is scored in time."""
    median, most = one_row_microseconds(converted.scorer(), rows), settings.training_scoring_microseconds_max
    detail = f"one row in {median:.0f} us (median), at most {most:g}"
    return Check("latency of scoring", holds=median <= most, detail=detail)


def one_row_microseconds(score: Callable[[Matrix], Any], rows: Matrix) -> float:
    """Median time of scoring a single row."""
    times = []
    for i in range(_TIMED_ROWS):
        row = rows[i % len(rows)][None, :]
        begin = time.perf_counter_ns()
        score(row)
        times.append(time.perf_counter_ns() - begin)
    return float(np.median(times)) / 1_000


def parity(
    store: Any, service: str, rows: pl.DataFrame, asked: Sequence[str], inputs: tuple[InputFeature, ...]
) -> Check:
    """Whether rows have the same inputs when they are asked for again, fewer and in another order.

    Args:
        store: A ``feast.FeatureStore``.
        service: Name of the feature service.
        rows: Rows with their features.
        asked: Columns that the features were asked with.
        inputs: What the model reads.
    """
    some = rows.gather_every(max(1, rows.height // _PARITY_ROWS)).reverse()
    again = read_features(store, service, some.select(asked))
    kept = [feature for feature in inputs if feature.name in again.columns]
    equal = np.isclose(matrix(tuple(kept), again), matrix(tuple(kept), some), rtol=1e-6, equal_nan=True)
    detail = f"{int(equal.sum()):,} of {equal.size:,} inputs equal when asked for again"
    return Check("parity", holds=bool(equal.all()), detail=detail)
