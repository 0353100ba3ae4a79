"""The rows of the fraud model: orders at their own instants, and when which of them became known as fraud."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Self

import numpy as np
import polars as pl

from training.errors import NotEnoughHistoryError
from training.folds import Fold, FraudSplit
from training.history import TIME, data_end, read_events
from training.labels import KNOWN_AT, with_known_at, within, without_repeats
from training.leaks import check_labels_follow
from training.settings import TrainingSettings

FEWEST_FRAUDS = 10
"""With fewer in a window, its figures mean nothing."""
ASKED = (
    "user_id", "product_id", "device_id", "event_timestamp", "transaction_amount", "request_seconds", "request_device_id",
)  # fmt: skip
"""What the features of an order are asked with: join keys, its instant and request columns."""
_COLUMNS = ("order_id", "user_id", "product_id", "device_id", "amount")


def fraud_split(store: Any, settings: TrainingSettings) -> FraudSplit:
    """Windows that end where the orders, or the settings, do."""
    return FraudSplit.before(
        settings.training_data_end or data_end(store),
        train=timedelta(days=settings.fraud_train_days),
        delay=timedelta(days=settings.fraud_label_delay_days),
        assess=timedelta(days=settings.fraud_fold_days),
        count=settings.fraud_folds,
        test=timedelta(days=settings.fraud_test_days),
    )


@dataclass(frozen=True)
class FraudOrders:
    """Orders of all windows.

    Attributes:
        split: The windows.
        rows: ``order_id``, the join keys, ``event_timestamp``, the request columns, ``fraud_known_at`` and ``drawn``, in
            order of time; features beside them once they were read. All orders that a model is judged on and all frauds,
            a share of the others.
        frauds: ``user_id``, ``event_timestamp`` and ``fraud_known_at`` of every order known as fraud.
        share: What was drawn of the good orders that models are only fitted on.
    """

    split: FraudSplit
    rows: pl.DataFrame
    frauds: pl.DataFrame
    share: float

    @classmethod
    def read(cls, store: Any, split: FraudSplit, settings: TrainingSettings) -> Self:
        """Orders of the archive, each once.

        Raises:
            NotEnoughHistoryError: if a window has fewer than 10 known frauds.
            LeakError: if an order was known as fraud when it was placed.
        """
        orders = without_repeats(
            read_events(store, "orders_archive", _COLUMNS, split.start, split.final.assess.end), "order_id"
        )
        chargebacks = read_events(store, "chargebacks_archive", ("order_id",), split.start, split.end)
        known = with_known_at(orders, chargebacks).with_columns(
            pl.when(pl.col(KNOWN_AT) <= split.end).then(KNOWN_AT)
        )
        check_labels_follow(known)
        share = min(1.0, settings.fraud_max_orders / max(1, _longest(known, split)))
        frauds = known.filter(pl.col(KNOWN_AT).is_not_null()).select("user_id", TIME, KNOWN_AT)
        read = cls(split, _asked(known, split, share, settings.training_seed), frauds, share)
        read.check_frauds()
        return read

    def with_features(self, rows: pl.DataFrame) -> Self:
        """The same orders with features beside them."""
        return replace(self, rows=rows)

    def fitted_on(self, fold: Fold) -> pl.DataFrame:
        """Rows that a model of this fold is fitted on, with ``is_fraud`` as it was known then, and ``weight``."""
        rows = fold.training_rows(self.rows)
        fraud = pl.col("is_fraud") == 1
        weight = pl.when(fraud).then(1.0).otherwise(1 / self.share)
        return rows.filter(fraud | pl.col("drawn")).with_columns(weight=weight)

    def judged(self, fold: Fold) -> pl.DataFrame:
        """Rows that a model of this fold is judged on: with ``is_fraud``, without customers known as compromised."""
        end = self.split.end if fold == self.split.final else self.split.cut
        return fold.assessed_rows(self.rows, self.frauds, end)

    def check_frauds(self) -> None:
        """Refuse windows whose figures would mean nothing.

        Raises:
            NotEnoughHistoryError: with the window and what to change.
        """
        for fold in (*self.split.folds, self.split.final):
            for window, rows in ((fold.train, self.fitted_on(fold)), (fold.assess, self.judged(fold))):
                frauds = int(rows["is_fraud"].sum())
                if frauds < FEWEST_FRAUDS:
                    raise NotEnoughHistoryError(
                        f"from {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} there are {frauds} known "
                        f"frauds among {rows.height} orders, and {FEWEST_FRAUDS} are needed; load a longer history or "
                        "change SHOP_FRAUD_TRAIN_DAYS, _FOLDS, _FOLD_DAYS, _TEST_DAYS or _LABEL_DELAY_DAYS"
                    )


def _longest(orders: pl.DataFrame, split: FraudSplit) -> int:
    return max(within(orders, fold.train).height for fold in (*split.folds, split.final))


def _asked(orders: pl.DataFrame, split: FraudSplit, share: float, seed: int) -> pl.DataFrame:
    """The orders whose features are asked for."""
    time = pl.col(TIME)
    judged = [fold.assess for fold in (*split.folds, split.final)]
    fitted = [fold.train for fold in (*split.folds, split.final)]
    drawn = orders.with_columns(drawn=pl.Series(np.random.default_rng(seed).random(orders.height) < share))

    def inside(windows: list[Any]) -> pl.Expr:
        return pl.any_horizontal((time >= window.start) & (time < window.end) for window in windows)

    kept = inside(judged) | (inside(fitted) & (pl.col("drawn") | pl.col(KNOWN_AT).is_not_null()))
    return drawn.filter(kept).select(
        "order_id",
        "user_id",
        "product_id",
        "device_id",
        TIME,
        KNOWN_AT,
        "drawn",
        transaction_amount="amount",
        request_seconds=time.dt.epoch("s"),
        request_device_id="device_id",
    )
