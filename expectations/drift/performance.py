"""How well the orders of a day were judged, once their labels have had time to arrive, beside the held-out orders."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.metrics import average_precision_score, roc_auc_score

from expectations.diagnosis import Alarm, Diagnosis
from expectations.drift.labels import DEVICE, LABEL, PROBABILITY, Outcomes
from expectations.drift.record import Figure, PerformanceDay
from expectations.resampling import over_customers
from expectations.settings import QualitySettings

_DRAWS, _SEED = 200, 7
Figures = dict[str, float]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """The orders of a day and of the reference.

    Attributes:
        model: Name of the model.
        day: Day of the orders.
        settled: When their labels had had time to arrive (UTC).
        today: Of the day.
        reference: Of the rows that the model was judged on in training.
    """

    model: str
    day: date
    settled: datetime
    today: Outcomes
    reference: Outcomes


def performance(
    judged: Judged, settings: QualitySettings, diagnosis: Diagnosis, built: datetime
) -> PerformanceDay:
    """The record of a day that has orders.

    Args:
        judged: The orders.
        settings: The thresholds.
        diagnosis: What the drift of the day's features was, if they drifted: labels alone tell no pipeline from the world.
        built: The present (aware).
    """
    rows, positives = judged.today.rows, int(judged.today.rows[LABEL].sum())
    enough = positives >= settings.performance_positives_min
    figures = _spread(judged.today, ranking=enough)
    expected = _figures(judged.reference, np.ones(judged.reference.rows.height), ranking=True)
    beyond = _beyond(judged, figures, expected, settings)
    return PerformanceDay(
        model=judged.model,
        version=rows["version"].mode().sort()[0],
        day=judged.day,
        built=built,
        settled=judged.settled,
        orders=rows.height,
        positives=positives,
        label_rate=figures["label_rate"],
        predicted_rate=figures["predicted_rate"],
        average_precision=figures.get("average_precision"),
        auc=figures.get("auc"),
        reference_label_rate=expected["label_rate"],
        reference_average_precision=expected["average_precision"],
        reference_auc=expected["auc"],
        alarm=Alarm(tuple(beyond), diagnosis, "; ".join(beyond.values())) if beyond else None,
    )


def _beyond(
    judged: Judged, figures: dict[str, Figure], expected: Figures, settings: QualitySettings
) -> dict[str, str]:
    """What is beyond its threshold, and how far."""
    found = {
        "rate": _rate(judged, settings),
        "ranking": _ranking(figures, expected, settings),
        "calibration": _calibration(figures, expected, settings),
    }
    return {measure: why for measure, why in found.items() if why}


def _rate(judged: Judged, settings: QualitySettings) -> str:
    (devices, positives), (all_devices, all_positives) = judged.today.devices, judged.reference.devices
    usual, factor = all_positives / max(1, all_devices), settings.label_rate_factor_max
    sure = settings.drift_level
    more = binomtest(positives, devices, min(1, usual * factor), alternative="greater").pvalue < sure
    fewer = binomtest(positives, devices, usual / factor, alternative="less").pvalue < sure
    if not more and not fewer:
        return ""
    return f"of {devices} devices {positives} had a chargeback, {usual * devices:.1f} were expected"


def _ranking(figures: dict[str, Figure], expected: Figures, settings: QualitySettings) -> str:
    auc = figures.get("auc")
    if auc is None or auc.high >= expected["auc"] - settings.performance_auc_drop_max:
        return ""
    return f"AUC {auc.value:.3f} (at most {auc.high:.3f}), {expected['auc']:.3f} on held-out orders"


def _calibration(figures: dict[str, Figure], expected: Figures, settings: QualitySettings) -> str:
    ratio, factor = figures.get("observed_by_predicted"), settings.performance_calibration_factor_max
    usual = expected["observed_by_predicted"]
    if ratio is None or (ratio.low <= usual * factor and ratio.high >= usual / factor):
        return ""
    return f"{ratio.value:.2f} times as many chargebacks as predicted, {usual:.2f} times on held-out orders"


def _spread(outcomes: Outcomes, *, ranking: bool) -> dict[str, Figure]:
    """Figures with what they would be for other devices."""
    rows = outcomes.rows

    def drawn(often: Floats) -> Figures:
        return _figures(outcomes, often, ranking=ranking)

    values = drawn(np.ones(rows.height))
    bounds = over_customers(rows[DEVICE], drawn, draws=_DRAWS, seed=_SEED)
    return {
        name: Figure(value, *(bounds[name][end] if name in bounds else value for end in ("low", "high")))
        for name, value in values.items()
    }


def _figures(outcomes: Outcomes, often: Floats, *, ranking: bool) -> Figures:
    """Of rows that occur so often [N]; raises ValueError where a ranking needs both labels and has one."""
    labels, scores = _arrays(outcomes)
    rate, predicted = float(np.average(labels, weights=often)), float(np.average(scores, weights=often))
    figures = {"label_rate": rate, "predicted_rate": predicted}
    if not ranking:
        return figures
    if len(set(labels[often > 0].tolist())) < 2:
        raise ValueError(f"{len(labels)} orders have one label only; a ranking needs both")
    return figures | {
        "observed_by_predicted": rate / predicted,
        "average_precision": float(average_precision_score(labels, scores, sample_weight=often)),
        "auc": float(roc_auc_score(labels, scores, sample_weight=often)),
    }


def _arrays(outcomes: Outcomes) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    return outcomes.rows[LABEL].to_numpy(), outcomes.rows[PROBABILITY].to_numpy()
