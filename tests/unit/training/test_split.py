from datetime import UTC, datetime, timedelta

import pytest

from training.split import FraudSplit, RecommendationSplit, Window

END = datetime(2026, 6, 1, tzinfo=UTC)


def test_every_order_had_the_delay_to_be_charged_back() -> None:
    """|fit 16 d|validation 5 d|<- 7 d ->|test 7 d|<- 7 d ->|."""
    split = FraudSplit.before(END, train_days=21, validation_days=5, delay_days=7, test_days=7)
    delay = timedelta(days=7)
    assert split.end - split.test.end == delay
    assert split.cut - split.validation.end == delay
    assert split.cut == split.test.start
    assert split.fit.end == split.validation.start
    assert split.validation.end - split.fit.start == timedelta(days=21)


def test_a_validation_slice_as_long_as_the_training_is_refused() -> None:
    """Nothing would be left to fit on."""
    with pytest.raises(ValueError, match="is empty"):
        FraudSplit.before(END, train_days=5, validation_days=5, delay_days=7, test_days=7)


def test_the_ranker_sees_no_instant_whose_horizon_reaches_into_the_test() -> None:
    """|fit|validation|<- horizon ->|test|."""
    horizon = timedelta(hours=24)
    split = RecommendationSplit.before(END, train_days=8, test_days=5, horizon=horizon)
    assert split.validation.end + horizon == split.cut == split.test.start
    assert split.fit.end - split.fit.start == timedelta(days=6)
    assert split.test.end == END


def test_an_empty_window_is_refused() -> None:
    """Both of its ends are named."""
    with pytest.raises(ValueError, match="2026-06-01"):
        Window(END, END)
