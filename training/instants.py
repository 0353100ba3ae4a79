"""The instants at which something could have been recommended, and what was ordered after them.

An instant to train on is just behind the arrival of a page view drawn at random, whatever follows it. It is not chosen
for the order that came: the view that leads straight to an order is seen in training exactly as often as in the shop,
so that the last view before a purchase cannot give the purchase away.
"""

from datetime import timedelta

import numpy as np
import polars as pl

from training.split import Window

_JUST_BEHIND = timedelta(microseconds=1)
"""A feature at an instant knows what had arrived by then: a microsecond behind a view's arrival, it knows the view."""
_KNOWN = "arrival_timestamp"


def held_out_users(users: pl.Series, share: float, seed: int) -> set[str]:
    """A share of the customers, drawn without regard to what they did."""
    names = users.unique().sort()
    drawn = np.random.default_rng(seed).random(len(names)) < share
    return set(names.filter(pl.Series(drawn)).to_list())


def browsing_instants(views: pl.DataFrame, window: Window, count: int, seed: int) -> pl.DataFrame:
    """Up to ``count`` page views of the window as instants just behind them.

    Args:
        views: ``view_id``, ``user_id``, ``product_id``, ``arrival_timestamp``.
        window: Arrivals of the views.
        count: How many are drawn, without replacement.
        seed: Of the draw.

    Returns:
        ``instant`` (UInt32), ``user_id``, ``event_timestamp``, ``anchor`` (the product looked at), in order of time.
    """
    known = pl.col(_KNOWN)
    inside = views.filter((known >= window.start) & (known < window.end)).sort(_KNOWN, "view_id")
    drawn = inside.sample(min(count, inside.height), seed=seed).sort(_KNOWN, "view_id")
    behind = drawn.select("user_id", event_timestamp=known + _JUST_BEHIND, anchor="product_id")
    return behind.with_row_index("instant")


def with_orders(rows: pl.DataFrame, orders: pl.DataFrame, horizon: timedelta) -> pl.DataFrame:
    """Rows with ``ordered`` (Int8): 1 if the customer ordered the product in ``[instant, instant + horizon)``."""
    sought = orders.select("user_id", "product_id", ordered_at="event_timestamp").sort("ordered_at")
    found = (
        rows.with_row_index("__row")
        .sort("event_timestamp")
        .join_asof(
            sought,
            left_on="event_timestamp",
            right_on="ordered_at",
            by=["user_id", "product_id"],
            strategy="forward",
            check_sortedness=False,
        )
        .sort("__row")
    )
    soon = pl.col("ordered_at") < pl.col("event_timestamp") + horizon
    return found.with_columns(ordered=soon.fill_null(value=False).cast(pl.Int8)).drop("__row", "ordered_at")


def next_orders(orders: pl.DataFrame, users: set[str], window: Window, count: int, seed: int) -> pl.DataFrame:
    """The first order in the window of up to ``count`` of the customers: ``instant, user_id, target, ordered_at``."""
    time = pl.col("event_timestamp")
    first = (
        orders.filter((time >= window.start) & (time < window.end), pl.col("user_id").is_in(list(users)))
        .sort("event_timestamp", "product_id")
        .unique("user_id", keep="first")
        .sort("user_id")
    )
    drawn = first.sample(min(count, first.height), seed=seed).sort("user_id")
    return drawn.select("user_id", target="product_id", ordered_at="event_timestamp").with_row_index(
        "instant"
    )


def session_starts(targets: pl.DataFrame, views: pl.DataFrame, gap: timedelta) -> pl.DataFrame:
    """Targets with the first page view of the session that led to the order: ``session_start`` and ``start_known``.

    A session ends where a customer looks at nothing for ``gap``. Without a view in the ``gap`` before the order the
    session starts with the order itself. The start is known just behind the view's arrival, at the latest at the order.
    """
    time = pl.col("event_timestamp")
    courses = (
        views.filter(pl.col("user_id").is_in(targets["user_id"].implode()))
        .sort("user_id", "event_timestamp", "view_id")
        .with_columns(first=(time.diff().over("user_id") > gap).fill_null(value=True))
        .select(
            "user_id",
            session_start=pl.when("first").then(time).forward_fill().over("user_id"),
            start_known=pl.when("first").then(pl.col(_KNOWN) + _JUST_BEHIND).forward_fill().over("user_id"),
            viewed_at=time,
        )
        .sort("viewed_at")
    )
    return (
        targets.sort("ordered_at")
        .join_asof(
            courses,
            left_on="ordered_at",
            right_on="viewed_at",
            by="user_id",
            tolerance=gap,
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .with_columns(
            pl.col("session_start").fill_null(pl.col("ordered_at")),
            start_known=pl.min_horizontal("start_known", "ordered_at"),
        )
        .drop("viewed_at")
        .sort("instant")
    )


def with_anchors(instants: pl.DataFrame, views: pl.DataFrame) -> pl.DataFrame:
    """Instants with ``anchor``: the product whose view arrived last, within a day before the instant, or null."""
    seen = views.select("user_id", known=_KNOWN, anchor="product_id").sort("known")
    return (
        instants.sort("event_timestamp")
        .join_asof(
            seen,
            left_on="event_timestamp",
            right_on="known",
            by="user_id",
            tolerance=timedelta(days=1),
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .drop("known")
        .sort("instant")
    )
