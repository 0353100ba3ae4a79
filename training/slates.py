"""What could be shown to a customer: products that go with the one they looked at last, and what sells.

A slate is made of two tables that serving reads as they are: every row of the last viewed product in the candidates,
then the popular products. Candidates are the strongest affinities of `training.sequences`; the last viewed product itself
is its own candidate of rank 0.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from artefact import CANDIDATE_SCORE
from training.sequences import Affinities, Visits
from training.split import Window

LAST_VIEWED = "user_product_id_last_1d"
"""The feature that says which product a customer looked at last."""

_LONGEST_GAP = timedelta(days=1)
"""Visits further apart than this do not follow from one another."""
_HALF_LIFE = timedelta(days=7)
_WEIGHT_OF = {"view": 1.0, "cart": 2.0, "order": 4.0}


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
    return Slates(
        _best(visits.filter(in_window), window.end, candidates),
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


def _best(visits: pl.DataFrame, end: datetime, count: int) -> pl.DataFrame:
    """The ``count`` candidates that go best with each product, and the product itself."""
    products = visits["product_id"].unique().sort()
    rows, candidates, scores = Affinities.learn(_numbered(visits, end), len(products)).best(count)
    found = pl.DataFrame(
        {"product_id": products[rows], "candidate_id": products[candidates], "score": scores}
    ).select(
        "product_id",
        "candidate_id",
        # The rows come product by product, the best first.
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("product_id"),
        score=pl.col("score").round_sig_figs(9),
    )
    itself = pl.DataFrame({"product_id": products, "candidate_id": products}).with_columns(
        rank=pl.lit(0, pl.Int32), score=pl.lit(1.0)
    )
    return pl.concat([itself, found]).sort("product_id", "rank")


def _numbered(visits: pl.DataFrame, end: datetime) -> Visits:
    """Visits by numbers, the older worth less; a course ends where a customer pauses for more than a day."""
    time = pl.col("event_timestamp")
    age = (pl.lit(end) - time).dt.total_microseconds() / (_HALF_LIFE / timedelta(microseconds=1))
    numbers = visits.select(
        person=pl.col("user_id").rank("dense").cast(pl.Int64) - 1,
        course=((time.diff() > _LONGEST_GAP) | pl.col("user_id").ne_missing(pl.col("user_id").shift()))
        .fill_null(value=True)
        .cum_sum()
        .cast(pl.Int64),
        item=pl.col("product_id").rank("dense").cast(pl.Int64) - 1,
        weight=pl.col("weight") * 0.5**age,
    )
    return Visits(*(numbers[name].to_numpy() for name in ("person", "course", "item", "weight")))


def _popular(orders: pl.LazyFrame, count: int) -> pl.LazyFrame:
    return (
        orders.group_by("product_id")
        .len("orders")
        .sort("orders", "product_id", descending=[True, False])
        .head(count)
        .select("product_id", rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32))
    )
