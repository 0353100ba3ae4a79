from datetime import UTC, datetime, timedelta

import polars as pl

from training.folds import FraudSplit, prequential

END = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def day(number: float) -> datetime:
    """So many days before the end."""
    return END - number * DAY


def test_folds_move_on_by_what_they_assess() -> None:
    """Days before the end: |-16 .. -12|<- 4 ->|-8 .. -4| and |-12 .. -8|<- 4 ->|-4 .. 0|."""
    first, second = prequential(END, train=4 * DAY, delay=4 * DAY, assess=4 * DAY, count=2)
    assert (first.train.start, first.train.end) == (day(16), day(12))
    assert (first.assess.start, first.assess.end) == (day(8), day(4))
    assert second.train.start == first.train.end
    assert second.assess.end == END


def test_a_fold_is_fitted_on_labels_as_they_were_known() -> None:
    """|train -8 .. -4|<- 2 ->|assess -2 .. 0|: what became known a day into the assessed days is not fraud yet."""
    (fold,) = prequential(END, train=4 * DAY, delay=2 * DAY, assess=2 * DAY, count=1)
    rows = pl.DataFrame(
        {
            "user_id": ["a", "b", "c", "d"],
            "event_timestamp": [day(7), day(6), day(4), day(1)],
            "fraud_known_at": [day(2), day(1), None, None],
        }
    )
    assert fold.training_rows(rows)["is_fraud"].to_list() == [1, 0]


def test_customers_compromised_before_the_training_window_are_judged() -> None:
    """They were not in it; of those in it, who was known by the assessed day is not judged."""
    (fold,) = prequential(END, train=4 * DAY, delay=2 * DAY, assess=2 * DAY, count=1)
    frauds = pl.DataFrame(
        {
            "user_id": ["long_ago", "lately"],
            "event_timestamp": [day(30), day(7)],
            "fraud_known_at": [day(25), day(3)],
        }
    )
    rows = pl.DataFrame(
        {
            "user_id": ["long_ago", "lately", "new"],
            "event_timestamp": [day(1)] * 3,
            "fraud_known_at": [None, day(0), day(0)],
        },
        schema_overrides={"fraud_known_at": pl.Datetime("us", "UTC")},
    )
    judged = fold.assessed_rows(rows, frauds, END)
    assert judged["user_id"].to_list() == ["long_ago", "new"]
    assert judged["is_fraud"].to_list() == [0, 1]


def test_every_order_had_the_delay_to_be_charged_back() -> None:
    """Folds, then |train|<- 5 ->|test -8 .. -5|<- 5 ->|: what the folds judge ends 5 days before the test."""
    split = FraudSplit.before(END, train=10 * DAY, delay=5 * DAY, assess=2 * DAY, count=3, test=3 * DAY)
    assert (split.cut, split.final.assess.end) == (day(8), day(5))
    assert split.final.train.end == split.folds[-1].assess.end == day(13)
    assert split.start == split.folds[0].train.start == day(13 + 6 + 5 + 10)
