"""Windows at one instant as they were known at another."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.windows.bitemporal import BEHIND, BEHIND_KNOWN, KNOWN, evaluate_as_known
from ingestion.windows.dedup import without_repeats
from ingestion.windows.spec import TIMESTAMP, ViewSpec
from tests import oracle
from tests.oracle import Event
from tests.unit.ingestion.windows import strategies as drawn

Asked = list[tuple[str, int, int]]

questions = st.lists(
    st.tuples(st.sampled_from([*drawn.KEYS, "nobody"]), st.integers(0, 170), st.integers(0, 200)), max_size=12
)


def asked(rows: Asked) -> pl.DataFrame:
    known = pl.Series(KNOWN, [known for _, _, known in rows], dtype=pl.Int64).cast(TIMESTAMP)
    return drawn.instants([(key, instant) for key, instant, _ in rows]).with_columns(known)


@settings(max_examples=300)
@given(drawn.specs(), drawn.events(), questions)
def test_what_was_known_equals_the_oracle(spec: ViewSpec, events: list[Event], rows: Asked) -> None:
    """The oracle is given the events that had arrived by then, and takes all of those as they are."""
    ours = evaluate_as_known(spec, without_repeats(drawn.frame(events), spec), asked(rows)).to_dicts()
    kept = oracle.first_arrivals(events, spec.dedup_horizon_us)
    for mine, (key, instant, known) in zip(ours, rows, strict=True):
        arrived = [event for event in kept if event.arrival <= known]
        truth = {f.name: oracle.value(f, arrived, (key,), instant, as_known=False) for f in spec.features}
        assert oracle.differences(spec, mine, truth) == {}


def test_a_store_that_lags_has_seen_less() -> None:
    """The event of 20 arrives at 25.

    events    10   20
    arrives     12       25
    """
    spec = drawn.view(drawn.feature("count", "amount", 100, 10))
    values = {"amount": 1.0, "quantity": 1, "label": "a"}
    events = drawn.frame([Event(("anna",), t, at, str(t), values) for t, at in ((10, 12), (20, 25))])
    rows = [("anna", 30, 30), ("anna", 30, 24), ("anna", 11, 30), ("anna", 30, 11)]
    assert evaluate_as_known(spec, events, asked(rows)).to_series().to_list() == [2, 1, 1, 0]


def test_without_another_instant_the_own_one_counts() -> None:
    """Null: as it was known at the instant."""
    spec = drawn.view(drawn.feature("count", "amount", 100, 10))
    event = Event(("anna",), 10, 20, "1", {"amount": 1.0, "quantity": 1, "label": "a"})
    rows = drawn.instants([("anna", 19), ("anna", 20)]).with_columns(pl.lit(None, TIMESTAMP).alias(KNOWN))
    assert evaluate_as_known(spec, drawn.frame([event]), rows).to_series().to_list() == [0, 1]


@settings(max_examples=200)
@given(drawn.specs(), drawn.events(), questions, st.data())
def test_what_was_known_of_partitions_equals_the_oracle(
    spec: ViewSpec, events: list[Event], rows: Asked, data: st.DataObject
) -> None:
    """Of one partition other events are known than of the rest; some questions name none."""
    partitions = {event.event_id: data.draw(st.integers(0, 2)) for event in events}
    there = [data.draw(st.one_of(st.none(), st.tuples(st.integers(0, 2), st.integers(0, 200)))) for _ in rows]
    frame = without_repeats(drawn.frame(events), spec)
    placed = frame.with_columns(
        pl.Series("_partition", [partitions[name] for name in frame["event_id"]], dtype=pl.Int64)
    )
    behind = pl.Series(BEHIND, [None if one is None else one[0] for one in there], dtype=pl.Int64)
    known_there = pl.Series(BEHIND_KNOWN, [None if one is None else one[1] for one in there], dtype=pl.Int64)
    ours = evaluate_as_known(
        spec, placed, asked(rows).with_columns(behind, known_there.cast(TIMESTAMP))
    ).to_dicts()
    kept = oracle.first_arrivals(events, spec.dedup_horizon_us)
    for mine, (key, instant, known), one in zip(ours, rows, there, strict=True):
        limits = {} if one is None else {one[0]: one[1]}
        arrived = [event for event in kept if event.arrival <= limits.get(partitions[event.event_id], known)]
        truth = {f.name: oracle.value(f, arrived, (key,), instant, as_known=False) for f in spec.features}
        assert oracle.differences(spec, mine, truth) == {}
