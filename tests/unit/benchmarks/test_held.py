"""Growth of memory, from samples."""

import os

import pytest

from tests.benchmarks.held import Held, sample


def held(*mb: float, every: float = 10.0) -> Held:
    return Held(0, [(number * every, value) for number, value in enumerate(mb)])


def test_the_first_minute_is_no_growth() -> None:
    """What is filled then is the programs' usual size.

    ::

        seconds  0   10  20 … 50   60  70  80  90 … 150
        MB       10  20  50   90   100 100 100 100  110
    """
    found = held(10, 20, 50, 70, 80, 90, *[100] * 6, *[110] * 4)
    assert found.edges() == (100, 110)
    assert found.growth_percent() == pytest.approx(10)


def test_growth_is_told_by_the_second_too() -> None:
    """A megabyte each ten seconds, whatever was in the first minute.

    ::

        seconds  0 … 60 70 80 90 …         180
        MB       6 … 6  7  8  9            18
                     '----'  medians   '----'
    """
    found = held(*[6] * 6, *range(6, 19))
    assert found.growth_per_second() == pytest.approx(0.1)


def test_a_sample_that_stands_out_is_no_growth() -> None:
    """The edges are medians of half a minute."""
    assert held(*[100] * 14, 180, 100).growth_percent() == 0


def test_growth_needs_more_than_a_minute() -> None:
    """It says how much there was."""
    with pytest.raises(ValueError, match="3 samples, none behind 60 s"):
        held(1, 2, 3).growth_percent()


def test_a_process_holds_memory() -> None:
    """This one tens of megabytes."""
    own = Held(os.getpid())
    sample({"own": own}, 0.0)
    assert own.samples[0][1] > 10
