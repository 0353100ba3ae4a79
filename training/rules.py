"""The baseline that a shop starts with: two limits, no learning."""

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from training.settings import TrainingSettings


def rule_scores(rows: pl.DataFrame, settings: TrainingSettings) -> npt.NDArray[np.floating[Any]]:
    """How far an order goes beyond the limit it breaks most: 1 is at the limit. Float64 [N].

    The limits are on the amount against the customer's mean, and on the orders of the customer or of the device in
    ten minutes, this one included. An order without a mean to compare with breaks the second limit at most.
    """
    amount = pl.col("amount_to_user_mean").fill_null(0) / settings.fraud_rule_amount_ratio
    orders = pl.max_horizontal("user_orders_count_10m", "device_orders_count_10m")
    velocity = (orders + 1) / settings.fraud_rule_orders_10m
    return rows.select(pl.max_horizontal(amount, velocity).alias("score"))["score"].to_numpy()
