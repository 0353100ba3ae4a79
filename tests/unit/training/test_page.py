"""The report and its charts, as text that a browser reads."""

import re
from xml.etree import ElementTree as ET

import numpy as np

from expectations.site.markup import Grid, Plot
from tests.unit.training.cards import small_card
from training import plots
from training.page import interval, report_page
from training.verdict import Check, Verdict

LABELS = np.array([0, 0, 1, 0, 1, 1])
SCORES = np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.9])


def texts(svg: str) -> list[str]:
    """What is written in a chart; a chart that is not well-formed raises."""
    return [str(element.text) for element in ET.fromstring(svg).iter("text")]  # noqa: S314  our own text


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
    assert not re.findall(r"""https?://|<script|<link(?! rel="icon" href="data:,")|url\(""", page)
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
