import numpy as np
import pytest

from training.confidence import Interval
from training.promotion import calibration_within, judge, not_worse_than_champion, one_row_microseconds
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
