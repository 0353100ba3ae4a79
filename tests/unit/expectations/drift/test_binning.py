import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.drift.binning import CategoryBins, NumberBins

Numbers = st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(0, 3).map(float)), max_size=60)


def _series(values: list[float | None]) -> pl.Series:
    return pl.Series("x", values, dtype=pl.Float64)


@given(Numbers, Numbers)
def test_every_value_is_in_one_bin(before: list[float | None], now: list[float | None]) -> None:
    """Whatever the reference was; nulls are in none."""
    bins = NumberBins.of(_series(before))
    counts = bins.counts(_series(now))
    assert counts.sum() == sum(value is not None for value in now)
    shown = bins.bins(bins.counts(_series(before)), counts, _series(now))
    assert len(shown.edges) == len(shown.current) + 1
    assert list(shown.edges) == sorted(shown.edges)
    assert all(shown.edges[0] <= value <= shown.edges[-1] for value in now if value is not None)


def test_the_reference_is_about_evenly_in_the_bins() -> None:
    """A tenth each of many different values."""
    values = _series([float(i) for i in range(1_000)])
    assert NumberBins.of(values).counts(values).tolist() == pytest.approx([100] * 10, abs=1)


def test_a_frequent_value_has_a_bin_of_its_own() -> None:
    """Counts are 0 most of the time: what leaves 0 must leave its bin."""
    bins = NumberBins.of(_series([0.0] * 80 + [1.0] * 15 + [2.0] * 5))
    assert bins.counts(_series([0.0, 0.0])).tolist()[0] == 2
    assert bins.counts(_series([1.0, 1.0, 1.0])).tolist()[0] == 0


def test_unknown_categories_are_told_apart() -> None:
    """They have no bin and are counted as new; what only the model knows has one."""
    bins = CategoryBins.of(pl.Series(["b", "a", None]), {"c"})
    values = pl.Series("x", ["a", "x", "a", None, "c"])
    assert bins.names == ("a", "b", "c")
    assert bins.counts(values).tolist() == [2, 0, 1]
    assert bins.new(values).to_list() == ["x"]
