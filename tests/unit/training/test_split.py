from datetime import UTC, datetime, timedelta

import pytest

from training.split import RecommendationSplit, Window

END = datetime(2026, 6, 1, tzinfo=UTC)


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
