"""Which stream workers are asked."""

from expectations.freshness.measure import addresses


def test_a_name_stands_for_all_workers_that_have_it() -> None:
    """By its addresses: each worker counts for itself. A name that nobody knows is asked, and does not answer."""
    assert addresses("localhost:8001") == {"127.0.0.1:8001"}
    assert addresses("10.0.0.7:8001") == {"10.0.0.7:8001"}
    assert addresses("no-such-worker.invalid:8001") == {"no-such-worker.invalid:8001"}
