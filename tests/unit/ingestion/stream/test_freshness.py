import numpy as np
from prometheus_client import CollectorRegistry, generate_latest

from ingestion.stream.freshness import BUCKETS_SECONDS, ArrayHistogram


def test_an_array_is_counted_like_its_values() -> None:
    """Buckets are cumulative and include their bound; the sum is exact."""
    histogram = ArrayHistogram("age_seconds", "Age.")
    histogram.observe(np.array([0.0005, 0.001, 0.0011, 1e6]))
    histogram.observe(np.array([]))
    registry = CollectorRegistry()
    registry.register(histogram)
    lines = generate_latest(registry).decode().splitlines()
    assert 'age_seconds_bucket{le="0.001"} 2.0' in lines
    assert f'age_seconds_bucket{{le="{BUCKETS_SECONDS[-1]}"}} 3.0' in lines
    assert 'age_seconds_bucket{le="+Inf"} 4.0' in lines
    assert "age_seconds_count 4.0" in lines


def test_a_label_has_series_of_its_own() -> None:
    """And none before something was observed of it."""
    histogram = ArrayHistogram("age_seconds", "Age.", "view")
    registry = CollectorRegistry()
    registry.register(histogram)
    assert registry.get_sample_value("age_seconds_count", {"view": "a"}) is None
    histogram.observe(np.array([1.0, 2.0]), "a")
    histogram.observe(np.array([4.0]), "b")
    assert registry.get_sample_value("age_seconds_count", {"view": "a"}) == 2
    assert registry.get_sample_value("age_seconds_sum", {"view": "b"}) == 4


def test_bounds_grow_by_a_quarter() -> None:
    """From a millisecond to minutes, so quantiles are known to 25 %."""
    steps = np.array(BUCKETS_SECONDS[1:]) / np.array(BUCKETS_SECONDS[:-1])
    assert BUCKETS_SECONDS[0] == 0.001
    assert BUCKETS_SECONDS[-1] > 180
    assert np.all((steps > 1.24) & (steps < 1.26))
