"""How often the next order of a held-out customer is among the first twenty, against popularity."""

from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from expectations.resampling import over_customers
from training.instants import next_orders, session_starts, with_anchors
from training.metrics import Floats, calibration_figures, hit_figures, list_figures, ranking_figures
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
        Lists ``instant, user_id, event_timestamp, moment, target`` and rows ``instant, user_id, event_timestamp, product_id, position``.
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
    return asked.select("instant", "user_id", "event_timestamp", "moment", "target"), slates.of(
        instants, settings.recommendation_slate_size
    ).drop("is_anchor")


def ranked(lists: pl.DataFrame, rows: pl.DataFrame, slates: Slates) -> pl.DataFrame:
    """Where the target of each list stands, counted from 0, null where it is not in the list at all.

    Args:
        lists: ``instant``, ``user_id``, ``moment``, ``target``.
        rows: ``instant``, ``product_id``, ``position`` and ``score`` of every product of the slates.
        slates: The tables the slates were made of; their popular products are the baseline.

    Returns:
        ``lists`` with ``rank`` (by score), ``position`` (in the slate before it was ranked) and ``popular_rank``.
    """
    by_score = _by_score(rows).select("instant", "rank", "position", target="product_id")
    popular = slates.popular.select(target="product_id", popular_rank=pl.col("rank").cast(pl.Int64) - 1)
    return lists.join(by_score, on=["instant", "target"], how="left", maintain_order="left").join(
        popular, on="target", how="left", maintain_order="left"
    )


def ranking_metrics(
    found: pl.DataFrame, rows: pl.DataFrame, slates: Slates, settings: TrainingSettings
) -> dict[str, Any]:
    """Figures of lists of 20 at each moment, with those of popularity and of the slate before ranking.

    Args:
        found: Lists with the places of their targets.
        rows: ``instant``, ``product_id``, ``position`` and ``score`` of every product of the slates.
        slates: The tables the slates were made of.
        settings: Draws of the intervals, seed.

    Returns:
        ``ranking`` with a mapping per moment, and ``lists``: how much of the catalogue they show, and how popular it is.
    """
    shown = (
        _by_score(rows).filter(pl.col("rank") < SHOWN).join(found.select("instant", "moment"), on="instant")
    )
    return {
        "ranking": {moment: _moment(found.filter(moment=moment), settings) for moment in MOMENTS},
        "lists": {moment: _shown(shown.filter(moment=moment), slates) for moment in MOMENTS},
    }


def gains(found: pl.DataFrame, column: str) -> npt.NDArray[np.float64]:
    """NDCG at 20 of each list on its own, by the places in ``column``."""
    places = _places(found, column)
    return np.where(places < SHOWN, 1 / np.log2(np.where(places < SHOWN, places, 0) + 2), 0)


def ranker_figures(test: pl.DataFrame, probabilities: Floats) -> dict[str, Any]:
    """AUC, average precision and calibration on weighted rows that the ranker was not fitted on."""
    labels, weights = test["ordered"].to_numpy(), test["weight"].to_numpy()
    return ranking_figures(labels, probabilities, weights) | calibration_figures(
        labels, probabilities, weights
    )


def _by_score(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.sort("instant", "score", "position", descending=[False, True, False]).with_columns(
        rank=pl.int_range(pl.len()).over("instant")
    )


def _moment(found: pl.DataFrame, settings: TrainingSettings) -> dict[str, float]:
    model, popularity, unranked = (
        hit_figures(_places(found, column), SHOWN) for column in ("rank", "popular_rank", "position")
    )
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
        | _bounds(found, settings)
    )


def _bounds(found: pl.DataFrame, settings: TrainingSettings) -> dict[str, float]:
    """95 % of the hit rate, over customers."""
    hits = (_places(found, "rank") < SHOWN).astype(float)
    interval = over_customers(
        found["user_id"],
        lambda often: {"hits": float(np.average(hits, weights=often))},
        draws=settings.training_bootstrap_draws,
        seed=settings.training_seed,
    )["hits"]
    return {"low": interval["low"], "high": interval["high"]}


def _shown(rows: pl.DataFrame, slates: Slates) -> dict[str, float]:
    products = slates.candidates["product_id"].unique().sort()
    orders = products.to_frame().join(slates.popular, on="product_id", how="left", maintain_order="left")
    # Only ranks of popular products are kept: the first counts 1, the last of them next to nothing, the others nothing.
    popularity = (1 - (orders["rank"].cast(pl.Float64) - 1) / slates.popular.height).fill_null(0).to_numpy()
    numbers = products.to_frame().with_row_index("number").join(rows, on="product_id")["number"]
    return list_figures(numbers.to_numpy(), popularity)


def _places(found: pl.DataFrame, column: str) -> npt.NDArray[np.float64]:
    return found[column].cast(pl.Float64).fill_null(np.inf).to_numpy()
