"""What could be shown to a customer: products that go with the one they looked at last, and what sells.

A slate is made of two tables that serving reads as they are: every row of the last viewed product in the candidates,
then the popular products. The last viewed product itself is its own candidate of rank 0.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from artefact import CANDIDATE_SCORE
from training.split import Window

LAST_VIEWED = "user_product_id_last_1d"
"""The feature that says which product a customer looked at last."""

_LAGS = 5
"""A visit is paired with this many that follow it."""
_LONGEST_GAP = timedelta(days=1)
_HALF_LIFE = timedelta(days=7)
_WEIGHT_OF = {"view": 1.0, "cart": 2.0, "order": 4.0}
_BACKWARD = 0.5
"""What followed counts more than what went before."""


@dataclass(frozen=True)
class Slates:
    """Tables of one instant.

    Attributes:
        candidates: ``product_id``, ``candidate_id``, ``rank`` (Int32, 0 is the product itself), ``score`` (Float64).
        popular: ``product_id``, ``rank`` (Int32, 1 is the most ordered).
    """

    candidates: pl.DataFrame
    popular: pl.DataFrame

    def of(self, instants: pl.DataFrame, size: int) -> pl.DataFrame:
        """A row for each of the ``size`` products of each instant's slate, in the order of the slate.

        Args:
            instants: ``instant`` (a number for each), ``anchor`` (the last viewed product or null), other columns.
            size: Products of a slate; fewer where the tables have no more.

        Returns:
            The columns of ``instants`` but the anchor, ``product_id``, ``position`` (0 is first) and ``is_anchor``.
        """
        shown = (
            self.candidates.lazy()
            .select(anchor="product_id", product_id="candidate_id", position="rank")
            .filter(pl.col("anchor").is_in(instants["anchor"].drop_nulls().unique().implode()))
        )
        behind = pl.lit(10**6, pl.Int32)
        popular = self.popular.lazy().select("product_id", position=pl.col("rank").cast(pl.Int32) + behind)
        rows = instants.lazy()
        return (
            pl.concat(
                [rows.join(shown, on="anchor"), rows.join(popular, how="cross")], how="diagonal_relaxed"
            )
            .with_columns(is_anchor=pl.col("product_id").eq_missing(pl.col("anchor")))
            .drop("anchor")
            .unique(["instant", "product_id"], keep="first", maintain_order=True)
            .sort("instant", "position")
            .with_columns(position=pl.int_range(pl.len(), dtype=pl.Int32).over("instant"))
            .filter(pl.col("position") < size)
            .collect()
        )

    def with_scores(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with ``candidate_score``, as `artefact.CANDIDATE_SCORE` says.

        Args:
            rows: ``product_id`` and the feature ``user_product_id_last_1d``.
        """
        scores = self.candidates.select("score", "candidate_id", anchor="product_id")
        return rows.join(
            scores.rename({"score": CANDIDATE_SCORE}),
            left_on=[LAST_VIEWED, "product_id"],
            right_on=["anchor", "candidate_id"],
            how="left",
            maintain_order="left",
        )


def build_slates(
    visits: pl.DataFrame, orders: pl.DataFrame, window: Window, *, candidates: int, popular: int
) -> Slates:
    """Tables from what happened in the window; nothing at or behind its end is used.

    Args:
        visits: ``visits_of`` page views and orders.
        orders: ``product_id``, ``event_timestamp``, each order once.
        window: What is counted.
        candidates: Candidates kept of each product.
        popular: Popular products kept.
    """
    time = pl.col("event_timestamp")
    in_window = (time >= window.start) & (time < window.end)
    pairs = _pairs(visits.lazy().filter(in_window), window.end)
    return Slates(
        _best(pairs, visits.filter(in_window), candidates).collect(),
        _popular(orders.lazy().filter(in_window), popular).collect(),
    )


def visits_of(views: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Page views and orders as one course of events.

    Returns:
        ``user_id``, ``product_id``, ``event_timestamp``, ``weight``, sorted by customer and time; a product looked at
        several times in a row is one visit with the highest weight, at the first of the times.
    """
    seen = views.select(
        "user_id",
        "product_id",
        "event_timestamp",
        weight=pl.when(pl.col("cart_quantity") > 0).then(_WEIGHT_OF["cart"]).otherwise(_WEIGHT_OF["view"]),
    )
    bought = orders.select("user_id", "product_id", "event_timestamp", weight=pl.lit(_WEIGHT_OF["order"]))
    course = pl.concat([seen, bought]).sort("user_id", "event_timestamp", "product_id", "weight")
    return (
        course.with_columns(run=pl.struct("user_id", "product_id").rle_id())
        .group_by("run", maintain_order=True)
        .agg(pl.col("user_id", "product_id", "event_timestamp").first(), pl.col("weight").max())
        .drop("run")
    )


def _pairs(visits: pl.LazyFrame, end: datetime) -> pl.LazyFrame:
    """``product_id``, ``candidate_id``, ``strength``: visits of one customer that follow one another, both ways."""
    age = (pl.lit(end) - pl.col("event_timestamp")).dt.total_microseconds() / (
        _HALF_LIFE / timedelta(microseconds=1)
    )
    aged = visits.with_columns(weight=pl.col("weight") * 0.5**age)
    lagged = [
        aged.select(
            product_id="product_id",
            candidate_id=pl.col("product_id").shift(-lag).over("user_id"),
            strength=pl.col("weight").shift(-lag).over("user_id") / lag,
            gap=pl.col("event_timestamp").shift(-lag).over("user_id") - pl.col("event_timestamp"),
        ).filter(pl.col("gap") <= _LONGEST_GAP, pl.col("product_id") != pl.col("candidate_id"))
        for lag in range(1, _LAGS + 1)
    ]
    forward = pl.concat(lagged).select("product_id", "candidate_id", "strength")
    backward = forward.select(
        product_id="candidate_id", candidate_id="product_id", strength=pl.col("strength") * _BACKWARD
    )
    return pl.concat([forward, backward]).group_by("product_id", "candidate_id").agg(pl.col("strength").sum())


def _best(pairs: pl.LazyFrame, visits: pl.DataFrame, count: int) -> pl.LazyFrame:
    """The ``count`` candidates with the highest cosine of each product, and the product itself."""
    support = visits.lazy().group_by("product_id").agg(visits=pl.len())
    scored = (
        pairs.join(support, on="product_id")
        .join(support, left_on="candidate_id", right_on="product_id", suffix="_candidate")
        .with_columns(score=pl.col("strength") / (pl.col("visits") * pl.col("visits_candidate")).sqrt())
        # Sums of floats depend on the order of the threads; rounded, the table does not.
        .with_columns(pl.col("score").round_sig_figs(9))
        .sort("product_id", "score", "candidate_id", descending=[False, True, False])
        .with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("product_id"))
        .filter(pl.col("rank") <= count)
        .select("product_id", "candidate_id", "rank", "score")
    )
    itself = support.select(
        "product_id", candidate_id="product_id", rank=pl.lit(0, pl.Int32), score=pl.lit(1.0)
    )
    return pl.concat([itself, scored]).sort("product_id", "rank")


def _popular(orders: pl.LazyFrame, count: int) -> pl.LazyFrame:
    return (
        orders.group_by("product_id")
        .len("orders")
        .sort("orders", "product_id", descending=[True, False])
        .head(count)
        .select("product_id", rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32))
    )
