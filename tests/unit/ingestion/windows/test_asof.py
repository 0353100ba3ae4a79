import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.windows.asof import evaluate_as_of, latest_rows
from ingestion.windows.dedup import without_repeats
from ingestion.windows.spec import SpecError, ViewSpec
from tests import oracle
from tests.oracle import Event
from tests.unit.ingestion.windows import strategies as drawn

questions = st.lists(st.tuples(st.sampled_from([*drawn.KEYS, "nobody"]), st.integers(-5, 170)), max_size=12)


@settings(max_examples=300)
@given(drawn.specs(), drawn.events(), questions, st.booleans())
def test_every_instant_equals_the_oracle(
    spec: ViewSpec, events: list[Event], asked: list[tuple[str, int]], as_known: bool
) -> None:
    """Values at drawn instants, in the order asked, repeated and unknown entities included."""
    ours = evaluate_as_of(
        spec, without_repeats(drawn.frame(events), spec), drawn.instants(asked), as_known=as_known
    ).to_dicts()
    assert len(ours) == len(asked)
    for mine, (key, t) in zip(ours, asked, strict=True):
        assert oracle.differences(spec, mine, oracle.row(spec, events, (key,), t, as_known=as_known)) == {}


@settings(max_examples=300)
@given(drawn.specs(), drawn.events(), st.integers(0, 170))
def test_latest_rows_hold_from_each_entity_s_clock_to_the_end(
    spec: ViewSpec, events: list[Event], end: int
) -> None:
    """A materialized row equals the oracle at the end, and so does every instant back to its clock."""
    arrived = [e for e in events if e.arrival <= end]
    rows = latest_rows(spec, without_repeats(drawn.frame(events), spec), end)
    kept = [e for e in oracle.first_arrivals(arrived, spec.dedup_horizon_us) if e.time < end]
    assert sorted(rows["user"]) == sorted({e.key[0] for e in kept})
    for mine in rows.to_dicts():
        clock = int(mine["event_timestamp"].timestamp() * 1e6 + 0.5)
        assert clock <= end
        for t in {clock, (clock + end) // 2, end}:
            truth = oracle.row(spec, arrived, (mine["user"],), t, as_known=False)
            assert oracle.differences(spec, mine, truth) == {}


def test_an_event_never_sees_itself() -> None:
    """Asked at its own instant, an event is not in the window.

    events   10        20        30
    asked    ^ 0       ^ 1       ^ 2
    """
    spec = drawn.view(drawn.feature("count", "amount", 100, 10))
    values = {"amount": 1.0, "quantity": 1, "label": "a"}
    events = [Event(("anna",), t, t, str(t), values) for t in (10, 20, 30)]
    ours = evaluate_as_of(
        spec, drawn.frame(events), drawn.instants([("anna", 10), ("anna", 20), ("anna", 30)])
    )
    assert ours.to_series().to_list() == [0, 1, 2]


def test_the_tail_moves_in_hops_and_the_head_is_exact() -> None:
    """Window 20, hop 10: the event at 5 is in tile 0 and leaves at the boundary 20."""
    spec = drawn.view(drawn.feature("count", "amount", 20, 10))
    event = Event(("anna",), 5, 5, "1", {"amount": 1.0, "quantity": 1, "label": "a"})
    asked = [("anna", t) for t in (5, 6, 19, 20)]
    ours = evaluate_as_of(spec, drawn.frame([event]), drawn.instants(asked))
    assert ours.to_series().to_list() == [0, 1, 1, 0]


def test_a_late_event_changes_later_values_only() -> None:
    """The event of 5 arrives at 50: unknown at 49, known at 50; as corrected it counts from 6 on."""
    spec = drawn.view(drawn.feature("sum", "amount", 100, 100))
    event = Event(("anna",), 5, 50, "1", {"amount": 2.5, "quantity": 1, "label": "a"})
    asked = drawn.instants([("anna", 6), ("anna", 49), ("anna", 50)])
    frame = drawn.frame([event])
    assert evaluate_as_of(spec, frame, asked).to_series().to_list() == [0.0, 0.0, 2.5]
    assert evaluate_as_of(spec, frame, asked, as_known=False).to_series().to_list() == [2.5, 2.5, 2.5]


def test_a_sum_survives_what_floats_cannot() -> None:
    """1e17 enters and leaves the window; the cents beside it are not lost."""
    spec = drawn.view(drawn.feature("sum", "amount", 20, 10), drawn.feature("std", "amount", 20, 10))
    values = [1e17, 0.1, 0.1, 0.1]
    events = [
        Event(("anna",), t, t, str(t), {"amount": v, "quantity": 1, "label": "a"})
        for t, v in zip((5, 15, 16, 17), values, strict=True)
    ]
    ours = evaluate_as_of(spec, drawn.frame(events), drawn.instants([("anna", 25)]))
    assert ours.row(0) == (pytest.approx(0.3, rel=1e-12), 0.0)


def test_a_missing_column_is_named() -> None:
    """The error says what is missing and what there is."""
    spec = drawn.view(drawn.feature("sum", "amount", 20, 10))
    with pytest.raises(SpecError, match=r"needs columns .*amount"):
        evaluate_as_of(spec, drawn.frame([]).drop("amount"), drawn.instants([("anna", 1)]))


def test_a_row_without_an_instant_is_refused() -> None:
    """Null event_timestamp: how many, and what to do."""
    spec = drawn.view(drawn.feature("sum", "amount", 20, 10))
    asked = drawn.instants([("anna", 1)]).with_columns(
        event_timestamp=pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    )
    with pytest.raises(SpecError, match="1 rows have no event_timestamp"):
        evaluate_as_of(spec, drawn.frame([]), asked)
