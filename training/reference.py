"""Rows that are kept beside a fraud model, for predictions to be held against; see `artefact.reference`."""

from collections.abc import Callable
from datetime import timedelta

import polars as pl

from artefact import InputFeature
from artefact.reference import DEVICE, KNOWN_AFTER_SECONDS, SCORE
from training.fraud_orders import FraudOrders
from training.history import TIME
from training.labels import KNOWN_AT, within
from training.metrics import Floats
from training.settings import TrainingSettings


def reference_rows(
    orders: FraudOrders,
    inputs: tuple[InputFeature, ...],
    score: Callable[[pl.DataFrame], Floats],
    settings: TrainingSettings,
) -> pl.DataFrame:
    """A sample of the rows of the last training window, and all of the test, in order of time.

    Orders of customers who are known as compromised are among them, as they are among those that are served.

    Args:
        orders: With their features.
        inputs: The model's.
        score: From rows to what the model says of them [N].
        settings: How many rows are kept, and the seed.
    """
    final = orders.split.final
    fitted = within(orders.rows, final.train).filter("drawn")
    fewer = fitted.sample(
        min(fitted.height, settings.fraud_reference_rows), seed=settings.training_seed
    ).with_columns(pl.lit(None, pl.Float64).alias(SCORE))
    test = within(orders.rows, final.assess)
    scored = test.with_columns(pl.Series(SCORE, score(test), dtype=pl.Float64))
    known_after = (pl.col(KNOWN_AT) - pl.col(TIME)) / timedelta(seconds=1)
    return (
        pl.concat([fewer, scored])
        .sort(TIME)
        .select(
            TIME,
            *(feature.name for feature in inputs),
            SCORE,
            pl.col("device_id").rank("dense").alias(DEVICE),
            known_after.cast(pl.Float64).alias(KNOWN_AFTER_SECONDS),
        )
    )
