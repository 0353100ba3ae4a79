"""The report of the recommendation model."""

import polars as pl

from artefact import Card
from expectations.site.axes import Axis
from expectations.site.charts import Series, line_chart
from expectations.site.markup import Grid, Plot
from training import plots
from training.metrics import Floats
from training.page import report_page
from training.recommendation_evaluation import MOMENTS, SHOWN
from training.verdict import Verdict

_LONGEST = 50


def recommendation_page(
    card: Card, verdict: Verdict, test: pl.DataFrame, probabilities: Floats, found: pl.DataFrame
) -> str:
    """HTML from the card and what was ranked.

    Args:
        card: With its metrics.
        verdict: What the checks said.
        test: The ranker's test rows with ``ordered`` and ``weight``.
        probabilities: Of these rows [N].
        found: Lists with the places of their targets, as `recommendation_evaluation.ranked` returns them.
    """
    labels, weights = test["ordered"].to_numpy(), test["weight"].to_numpy()
    scores = {
        "this model": probabilities,
        "candidates alone": test["candidate_score"].fill_null(0).to_numpy(),
    }
    return report_page(
        card,
        verdict,
        _grids(card),
        [
            *(_hits(found.filter(moment=moment), moment) for moment in MOMENTS),
            plots.precision_recall(labels, scores, weights),
            plots.roc(labels, scores, weights),
            plots.calibration(card.metrics["ranker"]["reliability"]),
            plots.distribution(labels, probabilities, ("not ordered", "ordered")),
            plots.importance(card.metrics["importance"]),
            _by_day(found),
        ],
    )


def _grids(card: Card) -> list[Grid]:
    rate, metrics = f"hit_rate_at_{SHOWN}", card.metrics
    columns = (
        rate,
        "low",
        "high",
        f"ndcg_at_{SHOWN}",
        f"mrr_at_{SHOWN}",
        f"popularity_{rate}",
        "times_popularity",
    )
    head = (
        "list made",
        f"hit rate at {SHOWN}",
        "95 % from",
        "to",
        "NDCG",
        "MRR",
        "popularity's hit rate",
        "times",
    )
    return [
        Grid("Next order of held-out customers", head, plots.figure_rows(metrics["ranking"], columns)),
        Grid(
            "What the lists show",
            ("list made", "share of the catalogue", "popularity of what is shown"),
            plots.figure_rows(metrics["lists"], ("coverage", "popularity_of_shown")),
        ),
        Grid(
            "Rankers",
            ("", "average precision"),
            plots.figure_rows(metrics["validation"], ("average_precision",)),
        ),
    ]


def _hits(found: pl.DataFrame, moment: str) -> Plot:
    names = {"rank": "this model", "position": "before ranking", "popular_rank": "popularity"}
    lengths = list(range(1, _LONGEST + 1))
    series = []
    for column, name in names.items():
        places = found[column].fill_null(_LONGEST)
        shares = [float((places < length).mean()) for length in lengths]  # type: ignore[arg-type]
        series.append(Series(name, lengths, shares))
    chart = line_chart(Axis("length of the list", 1, _LONGEST), Axis("hit rate", 0, 1), series)
    return Plot(
        f"Lists made {moment.replace('_', ' ')}", chart, "How often the next order was among the first."
    )


def _by_day(found: pl.DataFrame) -> Plot:
    days = found.with_columns(day=pl.col("event_timestamp").dt.date()).sort("day")
    figures = {
        name: [
            float((day[column].fill_null(SHOWN) < SHOWN).mean())  # type: ignore[arg-type]
            for day in days.partition_by("day", maintain_order=True)
        ]
        for name, column in (("this model", "rank"), ("popularity", "popular_rank"))
    }
    return plots.over_time(
        "Hit rate over days",
        f"hit rate at {SHOWN}",
        figures,
        "day of the test",
        "All three moments together.",
    )
