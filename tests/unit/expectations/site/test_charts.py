"""Charts, as text that a browser reads."""

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from expectations.site.axes import Axis, days_since_epoch
from expectations.site.charts import Band, Series, bar_chart, histogram, line_chart


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


def test_days_are_marked_by_their_date_and_hours_by_their_time() -> None:
    """A longer axis has days, a shorter one hours."""
    first = days_since_epoch(datetime(2026, 2, 27, tzinfo=UTC))
    days, hours = (Axis("day", first, first + length, days=True) for length in (4, 1))
    assert [days.mark(tick) for tick in days.ticks] == ["27 Feb", "28 Feb", "1 Mar", "2 Mar", "3 Mar"]
    assert [hours.mark(tick) for tick in hours.ticks] == ["27 Feb", "06:00", "12:00", "18:00", "28 Feb"]


def test_a_line_is_broken_where_there_is_no_value() -> None:
    """Days without a figure are not drawn over; a single point is a dot."""
    svg = line_chart(Axis("x", 0, 4), Axis("y", 0, 1), [Series("a", [0, 1, 2, 3, 4], [0, 1, None, None, 1])])
    assert svg.count("<polyline") == 2
    assert svg.count("<circle") == 1


def test_bands_and_bounds_are_shaded() -> None:
    """A band has a name in the legend, bounds lie around their line."""
    line = Series("a", [0, 1], [0.5, 0.5], bounds=[(0.4, 0.6), (0.3, 0.7)])
    svg = line_chart(Axis("x", 0, 1), Axis("y", 0, 1), [line], [Band("labels on their way", 0.5, 1)])
    assert "labels on their way" in texts(svg)
    assert svg.count("<polygon") == 1
