"""How the scale benchmark computes: pieces fitted to wholes, rates by the busiest worker."""

import pytest

from tests.benchmarks.drains import Drain, Spent, portions
from tests.benchmarks.sizes import fitted


def spent(push: float, decode: float) -> Spent:
    return Spent(client=1.0, own=push + decode, stages={"push": push, "decode": decode}, rows=10, units=1)


def test_pieces_are_found_in_wholes() -> None:
    """Keys of 100 bytes and tiles of 10 are recognised; a whole that is not their sum is told."""
    pieces = [(10, 0), (10, 50), (100, 1_000)]
    fit = fitted(("key", "tile"), pieces, [1_000, 1_500, 20_000])
    assert fit.costs == pytest.approx({"key": 100, "tile": 10})
    assert fit.worst == pytest.approx(0)
    assert fitted(("key",), [(10,), (10,)], [1_000, 2_000]).worst > 0.3


def test_the_busiest_worker_decides() -> None:
    """The others are done before; decoding is no work of the executor."""
    drain = Drain(
        1_000, 10.0, (spent(push=2.0, decode=1.0), spent(push=1.0, decode=1.0)), redis=1.0, broker=2.0
    )
    assert drain.executor_rate == 500
    assert drain.worker_rate == 250
    assert drain.wall_rate == 100
    assert drain.busy == pytest.approx((4 + 3 + 1 + 2) / 10)


def test_portions_are_equal_and_in_order() -> None:
    """What is left over is not sent."""
    assert list(portions(range(7), 3)) == [range(2), range(2, 4), range(4, 6)]  # type: ignore[arg-type]
