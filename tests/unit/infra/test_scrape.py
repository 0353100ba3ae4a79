"""Metrics of a program, read from Prometheus' text format."""

import math

from infra.scrape import Metrics

BEFORE = """\
# TYPE rows counter
rows_total{view="a"} 1.0
rows_total{view="b"} 2.0
# TYPE age histogram
age_bucket{le="1.0"} 10.0
age_bucket{le="2.0"} 10.0
age_bucket{le="+Inf"} 10.0
age_count 10.0
age_sum 5.0
"""
AFTER = """\
# TYPE rows counter
rows_total{view="a"} 5.0
rows_total{view="b"} 2.0
rows_total{view="c"} 1.0
# TYPE age histogram
age_bucket{le="1.0"} 10.0
age_bucket{le="2.0"} 14.0
age_bucket{le="+Inf"} 14.0
age_count 14.0
age_sum 11.0
"""


def test_a_total_is_the_sum_over_labels_and_0_of_what_was_never_counted() -> None:
    metrics = Metrics.parse(BEFORE)
    assert metrics.total("rows_total") == 3
    assert metrics.total("columns_total") == 0
    assert metrics.by("rows_total", "view") == {"a": 1, "b": 2}


def test_since_is_what_was_counted_in_between() -> None:
    """Also under labels that came up only then."""
    between = Metrics.parse(AFTER).since(Metrics.parse(BEFORE))
    assert between.by("rows_total", "view") == {"a": 4, "b": 0, "c": 1}


def test_a_quantile_is_linear_within_its_bucket() -> None:
    """Ten values up to 1 before; the four in between all lie in (1, 2]."""
    before, after = Metrics.parse(BEFORE), Metrics.parse(AFTER)
    assert before.quantile("age", 0.5) == 0.5
    assert after.since(before).quantile("age", 0.5) == 1.5
    assert math.isnan(before.since(before).quantile("age", 0.5))
