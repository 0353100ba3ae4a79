from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from training.errors import LeakError
from training.fitting import Rows
from training.leaks import check_labels_follow, check_scores_are_believable

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def orders(*known_after_hours: float | None) -> pl.DataFrame:
    """An order at noon each, known as fraud so many hours later, or never."""
    return pl.DataFrame(
        {
            "order_id": [f"o{i}" for i in range(len(known_after_hours))],
            "event_timestamp": [NOON] * len(known_after_hours),
            "fraud_known_at": [h if h is None else NOON + timedelta(hours=h) for h in known_after_hours],
        },
        schema_overrides={"fraud_known_at": pl.Datetime("us", "UTC")},
    )


def test_a_label_that_is_known_at_once_is_refused() -> None:
    """With the order; one that is known later, or never, is not."""
    check_labels_follow(orders(None, 0.1))
    with pytest.raises(LeakError, match=r"1 of 3 orders .* 'o1'"):
        check_labels_follow(orders(None, 0, 5))


def test_a_model_that_is_too_good_is_refused_with_the_inputs_that_tell_most() -> None:
    """The second input is the label itself; the first has nulls and says little."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 200)
    noise = np.where(rng.random(200) < 0.1, np.nan, rng.random(200))
    rows = Rows.of(np.column_stack([noise, labels, rng.random(200)]).astype(np.float32), pl.Series(labels))
    check_scores_are_believable(0.98, 0.99, ["amount", "chargebacks", "hour"], rows)
    with pytest.raises(LeakError, match=r"0\.9990 .* chargebacks \(1\.000\), .* SHOP_FRAUD_LEAK_AUC"):
        check_scores_are_believable(0.999, 0.99, ["amount", "chargebacks", "hour"], rows)
