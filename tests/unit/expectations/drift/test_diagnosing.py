from datetime import UTC, datetime, timedelta
from random import Random

import polars as pl
import pytest

from expectations.diagnosis import Diagnosis
from expectations.drift.comparing import compare_one
from expectations.drift.diagnosing import diagnosed
from expectations.drift.evidence import Evidence
from expectations.drift.record import SCORE
from expectations.drift.reference import Reference, as_looked_at
from expectations.drift.subjects import Subject
from expectations.parity.record import FeatureParity

MONDAY = datetime(2026, 5, 4, tzinfo=UTC)
COUNT = Subject("orders_1d", "user_orders", "Int64", None, None)
DISTRIBUTION = ("distribution",)


def _rows(seed: int, most: int, start: datetime = MONDAY, days: int = 7) -> pl.DataFrame:
    chance = Random(seed)
    times = [start + timedelta(minutes=i) for i in range(days * 1_440)]
    return pl.DataFrame(
        {
            "event_timestamp": times,
            "orders_1d": [chance.randrange(most) for _ in times],
            SCORE: [chance.random() for _ in times],
        }
    )


REFERENCE = Reference.of(_rows(1, 10).rename({SCORE: "__score"}), (COUNT,), least=500)
TODAY = MONDAY + timedelta(days=7)
USUAL = as_looked_at(_rows(2, 10, TODAY, 1), REFERENCE.subjects)
SHIFTED = as_looked_at(_rows(3, 30, TODAY, 1), REFERENCE.subjects)


def _parity(*, stale: int = 0, different: int = 0) -> dict[str, FeatureParity]:
    equal = 1_000 - stale - different
    return {
        "orders_1d": FeatureParity(
            "orders_1d", "user_orders", 1_000, equal, 0, stale, different, None, example=None
        )
    }


def _evidence(again: pl.DataFrame, parity: dict[str, FeatureParity], **changes: object) -> Evidence:
    return Evidence(again, parity, **({"degraded": {"user_orders": 0.0}, "rescored": 0.0} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("evidence", "diagnosis"),
    [
        (_evidence(SHIFTED, _parity()), Diagnosis.WORLD),
        (_evidence(SHIFTED, _parity(stale=10)), Diagnosis.WORLD),
        (_evidence(USUAL, _parity(different=600)), Diagnosis.PIPELINE),
        (_evidence(USUAL, _parity(different=600, stale=100)), Diagnosis.PIPELINE),
        (_evidence(USUAL, _parity(stale=600)), Diagnosis.FRESHNESS),
        (_evidence(USUAL, _parity(), degraded={"user_orders": 0.6}), Diagnosis.FRESHNESS),
    ],
)
def test_an_alarm_is_what_the_archive_says_of_it(evidence: Evidence, diagnosis: Diagnosis) -> None:
    """As far away when computed again: the world. Else late or degraded: freshness; else nothing explains it: pipeline."""
    compared = compare_one(REFERENCE, SHIFTED, "orders_1d")
    assert diagnosed(compared, DISTRIBUTION, REFERENCE, evidence).diagnosis == diagnosis


def test_a_score_of_another_model_is_the_pipelines() -> None:
    """Where the model says something else of the same features now, even if the scores computed again drift, too."""
    compared = compare_one(REFERENCE, SHIFTED, SCORE)
    alarm = diagnosed(compared, DISTRIBUTION, REFERENCE, _evidence(USUAL, _parity(), rescored=0.5))
    assert alarm.diagnosis == Diagnosis.PIPELINE
    assert "50% of the same features" in alarm.why


def test_the_sentence_has_the_figures() -> None:
    """What was found, and how many values are of which kind."""
    compared = compare_one(REFERENCE, SHIFTED, "orders_1d")
    alarm = diagnosed(compared, DISTRIBUTION, REFERENCE, _evidence(USUAL, _parity(different=600)))
    assert "PSI 0.0" in alarm.why
    assert "60% of the served values are others" in alarm.why
