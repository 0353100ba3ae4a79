from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from expectations.diagnosis import Diagnosis
from expectations.drift.labels import Outcomes
from expectations.drift.performance import Judged, performance
from expectations.drift.record import PerformanceDay
from expectations.settings import QualitySettings

DAY = date(2026, 5, 4)
NOON = datetime(2026, 5, 14, tzinfo=UTC)


def _outcomes(seed: int, *, rate: float = 0.02, flipped: bool = False) -> Outcomes:
    """4,000 orders; a calibrated model that tells frauds well, or one whose scores say nothing."""
    chance = np.random.default_rng(seed)
    labels = (chance.random(4_000) < rate).astype(np.int8)
    scores = np.clip(chance.normal(0.01 + 0.5 * labels, 0.05), 0.001, 0.999)
    if flipped:
        chance.shuffle(scores)
    rows = pl.DataFrame({"probability": scores, "label": labels, "device": np.arange(4_000)})
    return Outcomes(rows.with_columns(version=pl.lit("fraud@v1")))


def _performance(today: Outcomes, diagnosis: Diagnosis = Diagnosis.WORLD) -> PerformanceDay:
    judged = Judged("fraud", DAY, NOON, today, _outcomes(1))
    return performance(judged, QualitySettings(), diagnosis, NOON)


def test_a_usual_day_is_no_alarm() -> None:
    """Its figures lie within their bounds."""
    found = _performance(_outcomes(2))
    assert found.alarm is None
    assert found.label_rate.low < found.label_rate.value < found.label_rate.high
    assert found.auc is not None
    assert found.auc.low <= found.auc.value <= found.auc.high
    assert found.auc.value > 0.95


def test_scores_that_say_nothing_are_an_alarm() -> None:
    """The ranking is far below that of the held-out orders."""
    alarm = _performance(_outcomes(2, flipped=True)).alarm
    assert alarm is not None
    assert "ranking" in alarm.measures


def test_ten_times_the_chargebacks_are_an_alarm_that_says_how_many() -> None:
    """And the diagnosis is that of the day's features."""
    alarm = _performance(_outcomes(2, rate=0.2), Diagnosis.PIPELINE).alarm
    assert alarm is not None
    assert "rate" in alarm.measures
    assert alarm.diagnosis == Diagnosis.PIPELINE
    assert "were expected" in alarm.why


def test_no_chargebacks_at_all_are_an_alarm() -> None:
    """Where eighty were expected, none came: they may have been lost."""
    alarm = _performance(_outcomes(2, rate=0.0)).alarm
    assert alarm is not None
    assert alarm.measures == ("rate",)


def test_a_device_that_tries_many_cards_counts_once() -> None:
    """A burst of one device is no change of the world."""
    usual = _outcomes(2)
    burst = usual.rows.head(200).with_columns(
        label=pl.lit(1, pl.Int8), probability=0.6, device=pl.lit(10_000)
    )
    together = Outcomes(pl.concat([usual.rows, burst.cast(dict(usual.rows.schema))]))
    assert together.devices[1] == usual.devices[1] + 1
    alarm = _performance(together).alarm
    assert alarm is None or "rate" not in alarm.measures


def test_few_positives_say_nothing_about_ranking() -> None:
    """There is no AUC then."""
    found = _performance(_outcomes(2, rate=0.001))
    assert found.positives < 10
    assert found.auc is None
