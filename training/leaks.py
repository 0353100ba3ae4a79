"""Too good to be true: inputs that see the label of their own row."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from training.errors import LeakError
from training.fitting import Rows
from training.labels import KNOWN_AT
from training.metrics import ranking_figures

_NAMED = 3
"""So many inputs are named in the error, those that tell most on their own first."""


def check_labels_follow(rows: pl.DataFrame) -> None:
    """No order may have been known as fraud at its own instant: a window over labels would show it its own.

    Args:
        rows: ``order_id``, ``event_timestamp`` and ``fraud_known_at``.

    Raises:
        LeakError: with the number of such orders and the first of them.
    """
    early = rows.filter(pl.col(KNOWN_AT) <= pl.col("event_timestamp"))
    if early.height:
        order, time, known = early.select("order_id", "event_timestamp", KNOWN_AT).row(0)
        raise LeakError(
            f"{early.height} of {rows.height} orders were known as fraud when they were placed, such as {order!r}, placed "
            f"{time} and known {known}: give labels the time at which they became known"
        )


def check_scores_are_believable(auc: float, bound: float, names: Sequence[str], rows: Rows) -> None:
    """Nobody can tell fraud from what came before it with next to no mistake: then an input has seen the label.

    Args:
        auc: Of a model on rows that it was not fitted on.
        bound: Largest believable AUC.
        names: Names of the inputs.
        rows: Rows it was judged on; they show which inputs tell most on their own.

    Raises:
        LeakError: if the AUC is above the bound, with the inputs to look at.
    """
    if auc <= bound:
        return
    alone = {name: _alone(rows, column) for column, name in enumerate(names)}
    best = sorted(alone, key=alone.__getitem__, reverse=True)[:_NAMED]
    told = ", ".join(f"{name} ({alone[name]:.3f})" for name in best)
    raise LeakError(
        f"an AUC of {auc:.4f} on days that the model never saw is above {bound}: an input sees its own row's label. Alone "
        f"these tell most: {told}. See that what they are made of was known before the order, or raise SHOP_FRAUD_LEAK_AUC"
    )


def _alone(rows: Rows, column: int) -> float:
    values = rows.inputs[:, column].astype(np.float64)
    present = np.nan_to_num(values, nan=np.nanmin(values) - 1 if np.isfinite(values).any() else 0.0)
    auc = ranking_figures(rows.labels, present)["auc"]
    return max(auc, 1 - auc)
