"""The report and its charts, as text that a browser reads."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from tests.unit.training.cards import small_card
from training import plots
from training.charts import Axis, Series, bar_chart, histogram, line_chart
from training.page import Grid, Plot, interval, report_page
from training.verdict import Check, Verdict

LABELS = np.array([0, 0, 1, 0, 1, 1])
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.9])


def texts(svg: str) -> list[str]:
    """What is written in a chart; a chart that is not well-formed raises."""
    return [str(element.text) for element in ET.fromstring(svg).iter("text")]  # noqa: S314  our own text


def test_a_line_goes_from_corner_to_corner() -> None:
    """Up and to the right, in the places of the page."""
    svg = line_chart(Axis("x", 0, 1), Axis("y", 0, 1), [Series("a", [0, 1], [0, 1])])
    ((start, end),) = re.findall(r'points="(\S+) (\S+)"', svg)
    (x0, y0), (x1, y1) = (map(float, point.split(",")) for point in (start, end))
    assert x0 < x1
    assert y0 > y1
    assert {"a", "x", "y", "0", "1"} <= set(texts(svg))


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis("share", 0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (Axis("probability", 1e-3, 1, logarithmic=True), [0.001, 0.01, 0.1, 1]),
        (Axis("fold", 0.5, 3.5, whole=True), [1, 2, 3]),
        (Axis("cost", 0, 63_000), [0, 20_000, 40_000, 60_000]),
    ],
)
def test_axes_are_marked_at_round_values(axis: Axis, ticks: list[float]) -> None:
    """From end to end."""
    assert axis.ticks == pytest.approx(ticks)


def test_values_beyond_an_axis_are_held_at_its_ends() -> None:
    """A probability of 0 on a logarithmic axis, say."""
    place = Axis("probability", 1e-3, 1, logarithmic=True).scale(0, 300)
    assert [place(value) for value in (0, 1e-3, 0.1, 1, 2)] == [0, 0, 200, 300, 300]


def test_a_long_line_is_thinned() -> None:
    """Its ends stay."""
    many = np.linspace(0, 1, 10_000).tolist()
    svg = line_chart(Axis("x", 0, 1), Axis("y", 0, 1), [Series("a", many, many)])
    (points,) = re.findall(r'points="([^"]+)"', svg)
    assert len(points.split()) <= 300


def test_bars_keep_their_order_and_their_names() -> None:
    """A loss below nothing goes to the left; names are escaped."""
    svg = bar_chart("loss", {"a<b": 0.5, "b": -0.1})
    assert texts(svg)[:3] == ["a<b", "0.5", "b"]


def test_a_histogram_counts_what_lies_beyond_at_its_ends() -> None:
    """Shares of all values."""
    steps = histogram("scores", [0.0, 0.5, 2.0, 2.0], [0.1, 0.4, 1.0])
    assert steps.x == [0.1, 0.4, 0.4, 1.0]
    assert steps.y == [0.25, 0.25, 0.75, 0.75]


def drawn() -> list[Plot]:
    """Each plot of a classifier."""
    named = {"this model": SCORES, "rules": SCORES[::-1]}
    table = [{"predicted": 0.1, "observed": 0.0}, {"predicted": 0.8, "observed": 1.0}]
    return [
        plots.precision_recall(LABELS, named),
        plots.roc(LABELS, named),
        plots.calibration(table),
        plots.cost([{"threshold": 0.001, "cost": 900.0}, {"threshold": 1.0, "cost": 80.0}], 0.4),
        plots.distribution(LABELS, SCORES, ("good", "fraud")),
        plots.importance({"amount": 0.2, "country": -0.01}),
        plots.over_time("Precision", "precision", {"forest": [0.5, 0.6]}, "fold", "Day by day."),
    ]


def test_every_plot_is_well_formed_and_says_how_to_read_it() -> None:
    """With its axes."""
    for plot in drawn():
        assert plot.reading.endswith(".")
        assert len(texts(plot.svg)) > 3


def test_the_report_needs_nothing_but_itself() -> None:
    """No address, no script; the checks, the verdict and the figures are in it."""
    verdict = Verdict((Check("calibration", holds=False, detail="mean error <0.5>"),), promote=False)
    grid = Grid("Held-out days", ("", "AUC"), [["this model", 0.91234]])
    page = report_page(small_card(), verdict, [grid], drawn())
    assert not re.findall(r"https?://|<script|<link|url\(", page)
    for text in (
        "not promoted: calibration",
        "mean error &lt;0.5&gt;",
        "0.9123",
        "failed",
        "<svg",
        "random_forest",
    ):
        assert text in page
    assert page == report_page(small_card(), verdict, [grid], drawn())


def test_an_interval_is_a_mean_with_its_bounds() -> None:
    """Three digits each."""
    assert interval({"mean": 0.5, "low": 0.41234, "high": 0.6}) == "0.500 (0.412 .. 0.600)"
