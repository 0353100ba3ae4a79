"""The rows of the fraud model: orders at their own instants, labelled with what was known."""

from datetime import datetime
from typing import Any

import polars as pl

from training.errors import NotEnoughHistoryError
from training.history import TIME, data_end, read_events
from training.labels import KNOWN_AT, known_at, with_known_at, within, without_repeats
from training.settings import TrainingSettings
from training.split import FraudSplit, Window

FEWEST_FRAUDS = 20
"""With fewer in a window, its figures mean nothing."""
_COLUMNS = ("order_id", "user_id", "product_id", "device_id", "amount")


def fraud_split(store: Any, settings: TrainingSettings) -> FraudSplit:
    """Windows that end where the orders, or the settings, do."""
    return FraudSplit.before(
        settings.training_data_end or data_end(store),
        train_days=settings.fraud_train_days,
        validation_days=settings.fraud_validation_days,
        delay_days=settings.fraud_label_delay_days,
        test_days=settings.fraud_test_days,
    )


def labelled_orders(store: Any, split: FraudSplit, settings: TrainingSettings) -> pl.DataFrame:
    """Orders of the three windows, each once, with labels, request columns and sampled where they are too many.

    Returns:
        ``order_id``, the join keys, ``event_timestamp``, the request columns, ``is_fraud`` (Int8) and ``part``
        (``fit``, ``validation`` or ``test``), in order of time.

    Raises:
        NotEnoughHistoryError: if a window has fewer than 20 known frauds.
    """
    orders = without_repeats(
        read_events(store, "orders_archive", _COLUMNS, split.fit.start, split.end), "order_id"
    )
    chargebacks = read_events(store, "chargebacks_archive", ("order_id",), split.fit.start, split.end)
    windows = {
        "fit": (split.fit, split.cut),
        "validation": (split.validation, split.cut),
        "test": (split.test, split.end),
    }
    labelled = with_known_at(orders, chargebacks)
    parts = [
        known_at(within(labelled, window), instant).drop(KNOWN_AT).with_columns(part=pl.lit(part))
        for part, (window, instant) in windows.items()
    ]
    for part in parts:
        _check_frauds(part, windows)
    return pl.concat([_sampled(parts[0], settings), *parts[1:]]).select(
        "order_id",
        "user_id",
        "product_id",
        "device_id",
        TIME,
        "is_fraud",
        "part",
        transaction_amount="amount",
        request_seconds=pl.col(TIME).dt.epoch("s"),
        request_device_id="device_id",
    )


def _check_frauds(rows: pl.DataFrame, windows: dict[str, tuple[Window, datetime]]) -> None:
    frauds = rows["is_fraud"].sum()
    if frauds < FEWEST_FRAUDS:
        part = str(rows["part"].first() or "empty")
        raise NotEnoughHistoryError(
            f"the {part} window has {frauds} known frauds among {rows.height} orders and needs {FEWEST_FRAUDS}; "
            f"the windows are { {name: (str(w.start), str(w.end)) for name, (w, _) in windows.items()} }: load a longer "
            "history or shorten SHOP_FRAUD_TRAIN_DAYS, _VALIDATION_DAYS, _TEST_DAYS or _LABEL_DELAY_DAYS"
        )


def _sampled(orders: pl.DataFrame, settings: TrainingSettings) -> pl.DataFrame:
    if orders.height <= settings.fraud_max_orders:
        return orders
    return orders.sample(settings.fraud_max_orders, seed=settings.training_seed).sort(TIME, "order_id")
