from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.windows.dedup import RepeatFilter, without_repeats
from ingestion.windows.image import ImageError
from ingestion.windows.raw import Layout, to_raw
from tests.oracle import Event
from tests.unit.ingestion.windows import strategies as drawn

HORIZON_US = 40
Arrival = tuple[str | None, int]
arrivals = st.lists(
    st.tuples(st.sampled_from(["a", "b", "", "é", "ab", None]), st.integers(0, 200)), max_size=60
)
cuts = st.lists(st.integers(0, 60), max_size=5)


def naive(seen: list[Arrival]) -> list[bool]:
    """The rule, by a dict that forgets nothing."""
    last: dict[str, int] = {}
    keep = []
    for name, at in seen:
        previous = last.get(name) if name is not None else None
        keep.append(previous is None or at - previous > HORIZON_US)
        if name is not None:
            last[name] = at if previous is None else max(previous, at)
    return keep


def batches(seen: list[Arrival], at: list[int]) -> list[list[Arrival]]:
    edges = [0, *sorted(min(cut, len(seen)) for cut in at), len(seen)]
    return [seen[a:b] for a, b in pairwise(edges)]


def kept(repeats: RepeatFilter, batch: list[Arrival], dtype: pl.DataType | None = None) -> list[bool]:
    ids = pl.Series([name for name, _ in batch], dtype=pl.String)
    return repeats.keep(ids, np.array([at for _, at in batch], dtype=np.int64)).tolist()


@settings(max_examples=300)
@given(arrivals.map(lambda seen: sorted(seen, key=lambda a: a[1])), cuts, st.booleans())
def test_events_in_order_of_arrival_are_kept_by_the_rule(
    seen: list[Arrival], at: list[int], restored: bool
) -> None:
    """Whatever the split into batches; ids that are forgotten were not needed; an image changes nothing."""
    repeats = RepeatFilter(HORIZON_US)
    keep: list[bool] = []
    for batch in batches(seen, at):
        keep += kept(repeats, batch)
        if restored:
            repeats = RepeatFilter.from_image(
                HORIZON_US, {name: array.copy() for name, array in repeats.image().items()}
            )
    assert keep == naive(seen)


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=60), cuts)
def test_an_arrival_up_to_the_horizon_behind_is_judged_by_the_rule(
    jumps: list[tuple[str, int]], at: list[int]
) -> None:
    """Partitions are not read in step: arrivals go back by up to the horizon, further and further on."""
    seen: list[Arrival] = [(name, 5 * i + jump) for i, (name, jump) in enumerate(jumps)]
    repeats = RepeatFilter(HORIZON_US)
    assert [k for batch in batches(seen, at) for k in kept(repeats, batch)] == naive(seen)


@settings(max_examples=100)
@given(drawn.events(), cuts)
def test_the_stream_and_history_drop_the_same_events(events: list[Event], at: list[int]) -> None:
    """`RepeatFilter` over batches equals `without_repeats` over all."""
    seen: list[Arrival] = [(e.event_id, e.arrival) for e in events]
    repeats = RepeatFilter(drawn.HORIZON_US)
    keep = [k for batch in batches(seen, at) for k in kept(repeats, batch)]
    history = without_repeats(drawn.frame(events), drawn.view())
    assert drawn.frame(events).filter(pl.Series(keep, dtype=pl.Boolean)).equals(history)


def test_integers_are_ids_too() -> None:
    """Negative ones, large ones and those that differ in one bit."""
    ids = pl.Series([1, 2, -1, 2**40, 2**40 + 2**56, 1, -1])
    keep = RepeatFilter(HORIZON_US).keep(ids, np.zeros(7, dtype=np.int64))
    assert keep.tolist() == [True] * 5 + [False] * 2


def test_ids_are_forgotten_after_twice_the_horizon() -> None:
    """A thousand generations of a hundred ids need the memory of a few."""
    repeats = RepeatFilter(HORIZON_US)
    for generation in range(1_000):
        ids = pl.Series([f"{generation}-{i}" for i in range(100)])
        assert repeats.keep(ids, np.full(100, generation * 10)).all()
    assert len(repeats) < 1_200
    assert repeats.nbytes < 80_000


def test_an_id_takes_at_most_forty_bytes() -> None:
    """Whatever its length; 36 for the ids of a million events."""
    repeats = RepeatFilter(HORIZON_US)
    repeats.keep(pl.Series(np.arange(1_000_000)).cast(pl.String), np.zeros(1_000_000, dtype=np.int64))
    assert repeats.nbytes <= 40 * 1_000_000


def test_fingerprints_are_a_polynomial_modulo_the_prime() -> None:
    """Held against Python's integers: seven bytes a coefficient, then the length."""
    from ingestion.windows.fingerprints import fingerprint

    prime, points = 2**61 - 1, [3, 2**61 - 2]
    texts = ["", "a", "seven77", "eight888", "x" * 14, "e3d2c1b0-1234-5678-9abc-def012345678", "é" * 40]
    prints = np.empty((len(texts), 2), dtype=np.uint64)
    fingerprint(to_raw(Layout((pl.String(),)), [pl.Series(texts)]), np.array(points, dtype=np.uint64), prints)
    for text, row in zip(texts, prints.tolist(), strict=True):
        data = text.encode()
        pieces = [data[i : i + 7] for i in range(0, len(data), 7)] or [b""]
        coefficients = [int.from_bytes(piece, "little") for piece in pieces] + [len(data)]
        for point, value in zip(points, row, strict=True):
            expected = 0
            for coefficient in coefficients:
                expected = (expected + coefficient) * point % prime
            assert value == expected


def test_an_image_of_another_horizon_is_refused() -> None:
    """It may have forgotten what the new horizon needs."""
    image = RepeatFilter(HORIZON_US).image()
    with pytest.raises(ImageError, match="40 us, not for 50 us"):
        RepeatFilter.from_image(50, image)
    with pytest.raises(ImageError, match="fingerprints"):
        RepeatFilter.from_image(HORIZON_US, image | {"last": np.zeros(3, dtype=np.int64)})
