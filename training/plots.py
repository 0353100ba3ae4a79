"""The plots that a person looks for in the report of a classifier. Labels are 0 and 1 [N], scores and weights [N]."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

from expectations.site.axes import Axis
from expectations.site.charts import Series, bar_chart, histogram, line_chart
from expectations.site.markup import Plot
from training.metrics import Floats, Labels

_SHARE = (0.0, 1.0)
_SHOWN_INPUTS = 20


def precision_recall(labels: Labels, scores: Mapping[str, Floats], weights: Floats | None = None) -> Plot:
    """Precision over recall of each score."""
    series = []
    for name, values in scores.items():
        precisions, recalls, _ = precision_recall_curve(labels, values, sample_weight=weights)
        series.append(Series(name, recalls[::-1].tolist(), precisions[::-1].tolist()))
    chart = line_chart(Axis("recall", *_SHARE), Axis("precision", *_SHARE), series)
    return Plot("Precision and recall", chart, "Higher is better; the area below is the average precision.")


def roc(labels: Labels, scores: Mapping[str, Floats], weights: Floats | None = None) -> Plot:
    """Recall over the share of false alarms of each score."""
    series = []
    for name, values in scores.items():
        false_alarms, recalls, _ = roc_curve(labels, values, sample_weight=weights)
        series.append(Series(name, false_alarms.tolist(), recalls.tolist()))
    chart = line_chart(Axis("false-positive rate", *_SHARE), Axis("recall", *_SHARE), series)
    return Plot("ROC", chart, "Higher is better; the area below is the AUC.")


def calibration(table: Sequence[Mapping[str, float]], lowest: float = 1e-4) -> Plot:
    """Observed over predicted probability in bins of equal numbers of rows."""
    predicted = [max(row["predicted"], lowest) for row in table]
    observed = [max(row["observed"], lowest) for row in table]
    chart = line_chart(
        Axis("predicted probability", lowest, 1, logarithmic=True),
        Axis("observed share", lowest, 1, logarithmic=True),
        [
            Series("held-out rows", predicted, observed, dotted=True),
            Series("as it should be", [lowest, 1], [lowest, 1], dashed=True),
        ],
    )
    return Plot(
        "Calibration", chart, f"On the dashed line a probability is what it says; {lowest:g} stands for less."
    )


def cost(table: Sequence[Mapping[str, float]], chosen: float) -> Plot:
    """Cost of 1,000 orders over the threshold from which orders are blocked."""
    costs = [row["cost"] for row in table]
    top = max(costs) or 1.0
    chart = line_chart(
        Axis("threshold", table[0]["threshold"], 1, logarithmic=True),
        Axis("cost of 1,000 orders", 0, top),
        [
            Series("blocked from here on", [row["threshold"] for row in table], costs),
            Series("HIGH", [chosen, chosen], [0, top], dashed=True),
        ],
    )
    return Plot("Cost against threshold", chart, "The dashed threshold should lie where the line is lowest.")


def distribution(labels: Labels, scores: Floats, names: tuple[str, str], lowest: float = 1e-4) -> Plot:
    """How the probabilities of both labels are spread."""
    edges = np.geomspace(lowest, 1, 33).tolist()
    series = [
        histogram(name, scores[labels == label], edges) for label, name in ((1, names[1]), (0, names[0]))
    ]
    top = max(value or 0.0 for one in series for value in one.y)
    chart = line_chart(
        Axis("probability", lowest, 1, logarithmic=True), Axis("share of rows", 0, top), series
    )
    return Plot("Scores", chart, f"The less the lines overlap, the better; {lowest:g} stands for less.")


def importance(losses: Mapping[str, float]) -> Plot:
    """The inputs that the model would miss most."""
    chart = bar_chart("loss of average precision", dict(islice(losses.items(), _SHOWN_INPUTS)))
    return Plot("Permutation importance", chart, "What is lost when an input is shuffled among the rows.")


def over_time(
    title: str, label: str, figures: Mapping[str, Sequence[float]], steps: str, reading: str
) -> Plot:
    """A figure of several models, fold by fold or day by day."""
    count = max(len(values) for values in figures.values())
    values = [value for row in figures.values() for value in row]
    margin = 0.1 * (max(values) - min(values)) or 0.05
    series = [
        Series(name, list(range(1, len(row) + 1)), list(row), dotted=True) for name, row in figures.items()
    ]
    x = Axis(steps, 0.5, count + 0.5, whole=True)
    chart = line_chart(x, Axis(label, max(0.0, min(values) - margin), max(values) + margin), series)
    return Plot(title, chart, reading)


def figure_rows(figures: Mapping[str, Mapping[str, Any]], columns: Sequence[str]) -> list[list[Any]]:
    """Rows of a table: a name and its figures."""
    return [[name.replace("_", " "), *(row[column] for column in columns)] for name, row in figures.items()]
