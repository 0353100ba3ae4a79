"""The tests of rules see what an expression asks for."""

from tests.unit.infra.monitoring.promql import Selector, selectors


def test_metrics_are_told_from_functions_durations_and_lists_of_labels() -> None:
    """Braces within a value are part of it."""
    expression = (
        'sum by (le, route) (rate(a_bucket{route=~"/x/{id}",le="0.03"}[5m] offset 15m))'
        " > on (job) group_left (view) 14.4 * b:c:rate5m and time() - d > 1e3 or vector(0)"
    )
    assert list(selectors(expression)) == [
        Selector("a_bucket", {"route": "/x/{id}", "le": "0.03"}),
        Selector("b:c:rate5m", {}),
        Selector("d", {}),
    ]
