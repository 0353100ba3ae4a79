"""What follows from a windowed feature's definition, held against the oracle's values."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expectations.definitions import Column, WindowedFeature
from expectations.ranges import adjacent, feature_column, orderings
from ingestion.windows import spec
from tests import oracle

AMOUNT = Column("amount", "number", nullable=False, minimum=0, maximum=1_000, open_minimum=True)
QUANTITY = Column("quantity", "integer", nullable=False, minimum=0)
ORDER_ID = Column("order_id", "string", nullable=False, length_min=1)
BALANCE = Column("balance", "number")

events = st.lists(
    st.builds(
        lambda time, amount, quantity, i: oracle.Event(
            ("anna",), time, time, str(i), {"amount": amount, "quantity": quantity, "order_id": str(i)}
        ),
        st.integers(0, 90),
        st.integers(1, 100_000).map(lambda cents: cents / 100),
        st.integers(0, 3),
        st.integers(0, 10_000),
    ),
    max_size=12,
    unique_by=lambda e: e.event_id,
)


def windowed(source: Column, function: str, window_us: int, hop_us: int) -> WindowedFeature:
    return WindowedFeature(
        f"{source.name}_{function}_{window_us}",
        source,
        function,
        timedelta(microseconds=window_us),
        timedelta(microseconds=hop_us),
        counts_events=source is ORDER_ID and function == "count",
    )


FEATURES = tuple(
    windowed(source, function, *window)
    for window in ((10, 1), (20, 5), (60, 20))
    for source, functions in (
        (AMOUNT, ("sum", "mean", "min", "max", "std", "last")),
        (QUANTITY, ("sum", "count", "count_distinct", "min", "max")),
        (ORDER_ID, ("count", "count_distinct")),
    )
    for function in functions
)


def values(drawn: list[oracle.Event], t: int) -> dict[str, float | str | None]:
    """The oracle's value of every feature at an instant."""
    return {
        f.name: oracle.value(
            spec.WindowedFeature(
                f.name,
                f.source.name,
                f.function,
                f.window // timedelta(microseconds=1),
                f.hop // timedelta(microseconds=1),
                spec.TIMESTAMP,
            ),
            drawn,
            ("anna",),
            t,
        )
        for f in FEATURES
    }


def pairs(*features: WindowedFeature) -> set[tuple[str, str]]:
    return {(o.larger, o.smaller) for o in adjacent(list(orderings(features)))}


@given(events, st.integers(0, 200))
def test_true_values_break_no_derived_ordering(drawn: list[oracle.Event], t: int) -> None:
    """Whatever the events, larger >= smaller, up to rounding where the ordering says so."""
    found = values(drawn, t)
    for ordering in orderings(FEATURES):
        larger, smaller = found[ordering.larger], found[ordering.smaller]
        if larger is not None and smaller is not None:
            slack = 0 if ordering.exact else 1e-9 * abs(smaller)
            assert larger + slack >= smaller, ordering


@given(events, st.integers(0, 200))
def test_true_values_are_inside_their_derived_range(drawn: list[oracle.Event], t: int) -> None:
    """Whatever the events, a value is null only where it may be, and inside its bounds."""
    found = values(drawn, t)
    for feature in FEATURES:
        column, value = feature_column(feature), found[feature.name]
        assert value is not None or column.nullable
        if isinstance(value, int | float):
            assert column.minimum is None or value >= column.minimum
            assert column.maximum is None or value <= column.maximum


def test_counts_grow_with_their_window() -> None:
    """Of three windows, each neighbouring pair is ordered and the outer pair is left to follow."""
    ten, twenty, sixty = (windowed(ORDER_ID, "count", *w) for w in ((10, 1), (20, 5), (60, 20)))
    assert pairs(ten, twenty, sixty) == {(twenty.name, ten.name), (sixty.name, twenty.name)}


def test_a_window_whose_tail_hops_inside_the_other_is_not_ordered() -> None:
    """60 with hop 20 can be as short as 40, which does not hold every event of the last 50."""
    assert pairs(windowed(AMOUNT, "max", 60, 20), windowed(AMOUNT, "max", 50, 1)) == set()


@pytest.mark.parametrize(("source", "ordered"), [(AMOUNT, True), (BALANCE, False)])
def test_only_sums_of_what_is_never_negative_grow(source: Column, ordered: bool) -> None:
    """A sum over more events can be smaller when events may be negative."""
    large, small = windowed(source, "sum", 60, 20), windowed(source, "sum", 20, 5)
    assert pairs(large, small) == ({(large.name, small.name)} if ordered else set())
    assert feature_column(large).minimum == (0 if ordered else None)


def test_minimum_mean_and_maximum_of_the_same_events_are_ordered() -> None:
    """Min <= mean <= max; other windows and other columns are not compared."""
    low, mean, high = (windowed(AMOUNT, f, 20, 5) for f in ("min", "mean", "max"))
    assert pairs(low, mean, high) == {(mean.name, low.name), (high.name, mean.name)}
    assert pairs(low, windowed(QUANTITY, "max", 20, 5)) == set()


def test_distinct_values_are_no_more_than_the_events() -> None:
    """A count of event ids bounds the distinct values of any column in the same window."""
    count, distinct = windowed(ORDER_ID, "count", 20, 5), windowed(QUANTITY, "count_distinct", 20, 5)
    assert pairs(count, distinct) == {(count.name, distinct.name)}
