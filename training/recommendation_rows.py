"""The rows of the ranker: what could have been shown to a customer at an instant, and whether it was ordered."""

from typing import Any

import numpy as np
import polars as pl

from training.history import read_events
from training.instants import browsing_instants, with_orders
from training.labels import without_repeats
from training.settings import TrainingSettings
from training.slates import Slates
from training.split import RecommendationSplit, Window

_VIEW_COLUMNS = ("view_id", "user_id", "product_id", "cart_quantity")
_ORDER_COLUMNS = ("order_id", "user_id", "product_id")


def read_shop(store: Any, window: Window) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Page views and orders of a window, each once, sorted by time."""
    views = read_events(store, "page_views_archive", _VIEW_COLUMNS, window.start, window.end)
    orders = read_events(store, "orders_archive", _ORDER_COLUMNS, window.start, window.end)
    return without_repeats(views, "view_id"), without_repeats(orders, "order_id")


def ranking_rows(
    views: pl.DataFrame,
    orders: pl.DataFrame,
    slates: Slates,
    window: Window,
    count: int,
    settings: TrainingSettings,
) -> pl.DataFrame:
    """Slates at instants of browsing, with what was ordered.

    All that was ordered, and the product being looked at, is kept; of the rest a share, weighted by its inverse, so that
    the weighted rows are the slates as they are in the shop.

    Returns:
        ``user_id``, ``product_id``, ``event_timestamp`` (the instant), ``ordered`` (Int8), ``weight`` (Float64).
    """
    instants = browsing_instants(views, window, count, settings.training_seed)
    rows = with_orders(slates.of(instants, settings.recommendation_slate_size), orders, settings.horizon)
    share = settings.recommendation_negative_share
    certain = (pl.col("ordered") == 1) | pl.col("is_anchor")
    drawn = pl.Series(np.random.default_rng(settings.training_seed).random(rows.height) < share)
    return (
        rows.with_columns(certain=certain, drawn=drawn)
        .filter(pl.col("certain") | pl.col("drawn"))
        .select(
            "user_id",
            "product_id",
            "event_timestamp",
            "ordered",
            weight=pl.when("certain").then(1.0).otherwise(1 / share),
        )
    )


def training_rows(
    views: pl.DataFrame,
    orders: pl.DataFrame,
    before_fit: Slates,
    before_test: Slates,
    split: RecommendationSplit,
    held_out: set[str],
    settings: TrainingSettings,
) -> pl.DataFrame:
    """Rows of the three windows with ``part``; held-out customers are in the test alone, and the test is theirs.

    No slate is made of what lies behind the instant it is for.
    """
    theirs = pl.col("user_id").is_in(list(held_out))
    of_others, of_held_out = views.filter(~theirs), views.filter(theirs)
    count = settings.recommendation_instants
    # Orders are known up to the end of the data: an instant needs its whole horizon.
    test = Window(split.test.start, split.test.end - settings.horizon)
    drawn = {
        "fit": (of_others, before_fit, split.fit, count * 3 // 4),
        "validation": (of_others, before_fit, split.validation, count // 4),
        "test": (of_held_out, before_test, test, count // 4),
    }
    return pl.concat(
        ranking_rows(seen, orders, slates, window, number, settings).with_columns(part=pl.lit(part))
        for part, (seen, slates, window, number) in drawn.items()
    )
