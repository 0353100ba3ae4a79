"""The report of the fraud model."""

from collections.abc import Mapping

import polars as pl

from artefact import Card
from expectations.site.markup import Grid
from training import plots
from training.metrics import Floats
from training.page import interval, report_page
from training.selection import Selection
from training.verdict import Verdict

_FIGURES = ("auc", "average_precision", "card_precision_at_100", "recall_at_1_percent")
_NAMES = {"test": "this model", "no_windows": "no windows", "rules": "rules", "champion": "champion"}


def fraud_page(
    card: Card, verdict: Verdict, test: pl.DataFrame, scores: Mapping[str, Floats], selection: Selection
) -> str:
    """HTML from the card and what was scored.

    Args:
        card: With its metrics.
        verdict: What the checks said.
        test: The rows of the test with ``is_fraud``.
        scores: Scores [N] of the test rows: ``test``, the baselines, ``champion`` where there is one.
        selection: Figures of every candidate on every fold.
    """
    labels, metrics = test["is_fraud"].to_numpy(), card.metrics
    named = {_NAMES[name]: values for name, values in scores.items()}
    thresholds = card.thresholds
    assert thresholds is not None  # noqa: S101  the fraud model has them
    return report_page(
        card,
        verdict,
        _grids(card, [name for name in scores if name in metrics]),
        [
            plots.precision_recall(labels, named),
            plots.roc(labels, named),
            plots.calibration(metrics["calibration"]["reliability"]),
            plots.cost(metrics["costs"]["by_threshold"], thresholds.high),
            plots.distribution(labels, scores["test"], ("good orders", "frauds")),
            plots.importance(metrics["importance"]),
            *(
                plots.over_time(
                    f"{figure.replace('_', ' ').capitalize()} over folds",
                    figure.replace("_", " "),
                    {name: [fold[figure] for fold in folds] for name, folds in selection.figures.items()},
                    "fold, the oldest first",
                    f"Every candidate on days after those it was fitted on; {selection.chosen} was chosen.",
                )
                for figure in ("average_precision", "card_precision_at_100")
            ),
        ],
    )


def _grids(card: Card, compared: list[str]) -> list[Grid]:
    metrics = card.metrics
    words = [figure.replace("_", " ") for figure in _FIGURES]
    rows = [
        [
            _NAMES[name],
            *(metrics[name][figure] for figure in _FIGURES),
            interval(metrics["intervals"][name]) if name in metrics["intervals"] else "",
        ]
        for name in compared
    ]
    grids = [
        Grid("Held-out days", ("", *words, "average precision, 95 % over customers"), rows),
        Grid("Candidates, mean over folds", ("", *words), plots.figure_rows(metrics["folds"], _FIGURES)),
        Grid(
            "Risk levels",
            ("from", *(word.replace("_", " ") for word in metrics["thresholds"]["high"])),
            plots.figure_rows(metrics["thresholds"], list(metrics["thresholds"]["high"])),
        ),
    ]
    if metrics["scenarios"]:
        columns = ("orders", "recall_medium", "recall_high")
        head = ("kind of fraud", "orders", "at MEDIUM or above", "at HIGH")
        grids.append(Grid("Recall by kind of fraud", head, plots.figure_rows(metrics["scenarios"], columns)))
    return grids
