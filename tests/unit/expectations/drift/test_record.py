from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from expectations.diagnosis import Alarm, Diagnosis
from expectations.drift.record import Bins, Compared, DriftDay, Figure, Interval, PerformanceDay, keep, kept

DAY = date(2026, 5, 4)
START = datetime(2026, 5, 4, tzinfo=UTC)
COMPARED = Compared(
    subject="user_orders_count_1h",
    view="user_orders",
    reference_rows=1_000,
    rows=500,
    psi=0.3,
    test="ks",
    statistic=0.2,
    p_value=1e-9,
    p_adjusted=1e-8,
    missing_reference=0.0,
    missing=0.01,
    new_categories=0.0,
    new_names=(),
    bins=Bins((0.0, 1.0, 5.0), (), (0.5, 0.5), (0.1, 0.9)),
    alarm=Alarm(
        ("distribution",), Diagnosis.PIPELINE, "40 % of the values differ from what the archive says"
    ),
)
DRIFT = DriftDay(
    model="fraud",
    version="fraud@v1",
    day=DAY,
    built=START + timedelta(days=1),
    whole=Interval(START, START + timedelta(days=1), 500, (COMPARED, replace(COMPARED, alarm=None))),
    hours=(),
)
PERFORMANCE = PerformanceDay(
    model="fraud",
    version="fraud@v1",
    day=DAY,
    built=START + timedelta(days=9),
    settled=START + timedelta(days=8),
    orders=500,
    positives=5,
    label_rate=Figure(0.01, 0.003, 0.02),
    predicted_rate=Figure(0.012, 0.01, 0.014),
    average_precision=None,
    auc=Figure(0.9, 0.8, 1.0),
    reference_label_rate=0.01,
    reference_average_precision=0.5,
    reference_auc=0.92,
    alarm=None,
)


def test_a_record_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """What is loaded equals what was kept, days in order, each kind from its own folder."""
    earlier = replace(DRIFT, day=DAY - timedelta(days=1))
    for record in (DRIFT, earlier, PERFORMANCE):
        keep(record, tmp_path)
    assert kept(DriftDay, tmp_path) == [earlier, DRIFT]
    assert kept(PerformanceDay, tmp_path) == [PERFORMANCE]


def test_a_day_that_is_looked_at_again_replaces_its_record(tmp_path: Path) -> None:
    """There is one record of a model and day."""
    keep(DRIFT, tmp_path)
    again = replace(DRIFT, built=START + timedelta(days=3))
    keep(again, tmp_path)
    assert kept(DriftDay, tmp_path) == [again]


def test_alarms_are_the_subjects_that_have_one() -> None:
    """Others are within their thresholds."""
    assert DRIFT.whole.alarms == (COMPARED,)


def test_nothing_kept_is_no_error(tmp_path: Path) -> None:
    """A folder without records has none."""
    assert kept(DriftDay, tmp_path) == []
