"""How often the next order of a held-out customer is among the first twenty, against popularity."""

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from training.instants import next_orders, session_starts, with_anchors
from training.metrics import Floats, calibration_figures, hit_figures, ranking_figures
from training.settings import TrainingSettings
from training.slates import Slates
from training.split import Window

SHOWN = 20
MOMENTS = ("before_the_session", "after_one_view", "at_the_order")
"""When the list is made, from the hardest: nothing of the session seen, its first page view, all of it."""


def evaluation_slates(
    views: pl.DataFrame,
    orders: pl.DataFrame,
    slates: Slates,
    users: set[str],
    window: Window,
    settings: TrainingSettings,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The next order of held-out customers, asked for at three moments, and the slates of all of them.

    Returns:
        Lists ``instant, moment, target`` and rows ``instant, user_id, event_timestamp, product_id, position``.
    """
    gap = timedelta(minutes=settings.recommendation_session_gap_minutes)
    chosen = next_orders(orders, users, window, settings.recommendation_test_orders, settings.training_seed)
    targets = session_starts(chosen, views, gap)
    times = zip(MOMENTS, ("session_start", "start_known", "ordered_at"), strict=True)
    asked = pl.concat(
        targets.select("user_id", "target", moment=pl.lit(moment), event_timestamp=time)
        for moment, time in times
    ).with_row_index("instant")
    instants = with_anchors(asked.select("instant", "user_id", "event_timestamp"), views)
    return asked.select("instant", "moment", "target"), slates.of(
        instants, settings.recommendation_slate_size
    ).drop("is_anchor")


def ranking_metrics(lists: pl.DataFrame, rows: pl.DataFrame, slates: Slates) -> dict[str, dict[str, float]]:
    """Hit rate and NDCG at 20 for each moment, with those of popularity and of the slate before ranking.

    Args:
        lists: ``instant``, ``moment``, ``target``.
        rows: ``instant``, ``product_id``, ``position`` and ``score`` of every product of the slates.
        slates: The tables the slates were made of; their popular products are the baseline.
    """
    ranked = rows.sort("instant", "score", "position", descending=[False, True, False]).with_columns(
        rank=pl.int_range(pl.len()).over("instant")
    )
    popular = slates.popular.select(target="product_id", popular_rank=pl.col("rank") - 1)
    found = lists.join(
        ranked.select("instant", "rank", "position", target="product_id"),
        on=["instant", "target"],
        how="left",
    ).join(popular, on="target", how="left", maintain_order="left")
    return {moment: _moment(found.filter(moment=moment)) for moment in MOMENTS}


def ranker_figures(test: pl.DataFrame, probabilities: Floats) -> dict[str, Any]:
    """AUC, average precision and calibration on weighted rows that the ranker was not fitted on."""
    labels, weights = test["ordered"].to_numpy(), test["weight"].to_numpy()
    return ranking_figures(labels, probabilities, weights) | calibration_figures(
        labels, probabilities, weights
    )


def _moment(found: pl.DataFrame) -> dict[str, float]:
    def figures(column: str) -> dict[str, float]:
        return hit_figures(found[column].cast(pl.Float64).fill_null(np.inf).to_numpy(), SHOWN)

    model, popularity, unranked = figures("rank"), figures("popular_rank"), figures("position")
    rate = f"hit_rate_at_{SHOWN}"
    return (
        {"lists": found.height}
        | model
        | {f"popularity_{name}": figure for name, figure in popularity.items()}
        | {
            f"unranked_{rate}": unranked[rate],
            "in_slate": float(found["rank"].is_not_null().mean()),  # type: ignore[arg-type]
            "times_popularity": model[rate] / popularity[rate] if popularity[rate] else float("inf"),
        }
    )
