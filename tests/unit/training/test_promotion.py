from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from expectations.parity.record import FeatureParity, ParityRun, ServiceParity, keep, newest_first
from expectations.resampling import Interval
from expectations.settings import QualitySettings
from training.promotion import (
    calibration_within,
    judge,
    not_worse_than_champion,
    one_row_microseconds,
    served_as_history,
)
from training.settings import TrainingSettings
from training.verdict import Check

SETTINGS = TrainingSettings(training_calibration_error_max=0.02)


def gain(low: float, high: float) -> Interval:
    return {"mean": (low + high) / 2, "low": low, "high": high}


@pytest.mark.parametrize(
    ("version", "found", "holds"),
    [
        (None, None, True),
        ("v1", None, True),
        ("v1", gain(-0.02, 0.01), True),
        ("v1", gain(-0.05, -0.01), False),
        ("v1", gain(0.01, 0.02), True),
    ],
)
def test_a_loss_that_chance_does_not_explain_keeps_the_champion(
    version: str | None, found: Interval | None, holds: bool
) -> None:
    """Without a champion, or with one whose features are gone, there is nothing to be worse than."""
    check = not_worse_than_champion(version, found, "average precision")
    assert check.holds is holds
    assert version is None or version in check.detail


def test_probabilities_must_mean_what_they_say() -> None:
    """The bound itself is allowed."""
    assert calibration_within(0.02, SETTINGS).holds
    assert not calibration_within(0.021, SETTINGS).holds


def test_one_failed_check_is_enough() -> None:
    """And where all hold, the settings have the last word."""
    good, bad = Check("a", holds=True, detail=""), Check("b", holds=False, detail="")
    assert judge([good], SETTINGS).promote
    assert not judge([good, bad], SETTINGS).promote
    kept = judge([good], SETTINGS.model_copy(update={"training_promote": False}))
    assert (kept.promote, kept.failed) == (False, [])
    assert "SHOP_TRAINING_PROMOTE" in kept.summary


def test_a_row_is_timed_alone() -> None:
    """Every call gets one row of the matrix."""
    shapes = set()
    assert one_row_microseconds(lambda row: shapes.add(row.shape), np.zeros((3, 5), np.float32)) > 0
    assert shapes == {(1, 5)}


NOW = datetime(2026, 5, 1, tzinfo=UTC)


def measured(hours_ago: float, different: int, compared: int = 1_000, service: str = "fraud_v1") -> ParityRun:
    at = NOW - timedelta(hours=hours_ago)
    feature = FeatureParity(
        "orders_count_1h", "user_orders", compared, compared - different, 0, 0, different, None, None
    )
    return ParityRun(at, at, at, 5.0, 1.0, (ServiceParity(service, compared, 0, (feature,)),))


@pytest.mark.parametrize(
    ("runs", "holds", "told"),
    [
        ([], True, "was not measured"),
        ([measured(1, 0)], True, "100.0000% of 1,000"),
        ([measured(1, 100)], False, "not explained by lag"),
        ([measured(1, 0), measured(2, 100)], True, "values equal"),
        ([measured(1, 0, service="other"), measured(2, 100)], False, "not explained by lag"),
        ([measured(1, 0, compared=0), measured(2, 100)], False, "not explained by lag"),
        ([measured(25, 100)], True, "was not measured"),
    ],
)
def test_a_model_waits_while_served_values_are_not_those_of_history(
    runs: list[ParityRun], holds: bool, told: str
) -> None:
    """The newest measurement of its service counts that compared something and is not too old; without one it goes on."""
    check = served_as_history("fraud_v1", runs, QualitySettings(parity_gate_hours=24), NOW)
    assert check.holds is holds
    assert told in check.detail


@pytest.mark.parametrize(
    ("service", "told"), [("fraud_v1", "values equal"), ("nobody", "was not measured in the last 24 hours")]
)
def test_only_as_many_measurements_are_read_as_are_needed(tmp_path: Path, service: str, told: str) -> None:
    """Nobody looks behind the newest one of the service, or behind the first that is too old: here it could not be read.

    hours ago   1 other   2 fraud_v1   25 other   26 cannot be read
    """
    for hours, name in ((1, "other"), (2, "fraud_v1"), (25, "other")):
        keep(measured(hours, 0, service=name), tmp_path)
    (tmp_path / "parity" / "20260429T220000.000000Z.json").write_text("no record")
    check = served_as_history(service, newest_first(tmp_path), QualitySettings(parity_gate_hours=24), NOW)
    assert told in check.detail
