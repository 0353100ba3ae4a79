"""Drawn views and events: small times and hops, so that ties, boundaries, repeats and late arrivals are common."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from hypothesis import strategies as st

from ingestion.windows.spec import FUNCTIONS, TIMESTAMP, ViewSpec, WindowedFeature
from tests.oracle import Event

KEYS = ("anna", "bert", "cleo")
HORIZON_US = 40
_TYPES = {"amount": pl.Float64(), "quantity": pl.Int64(), "label": pl.String()}

amounts = (
    st.none()
    | st.integers(-5_000, 5_000).map(lambda cents: cents / 100)
    | st.sampled_from([1e9, 1e-9, -1e9, 0.1])
)
values = st.fixed_dictionaries(
    {
        "amount": amounts,
        "quantity": st.none() | st.integers(0, 4),
        "label": st.none() | st.sampled_from(["a", "b", "c"]),
    }
)


def feature(function: str, column: str, window_us: int, hop_us: int) -> WindowedFeature:
    """A feature whose type follows from its function and column."""
    counted = {"count": pl.Int64(), "count_distinct": pl.Int64(), "mean": pl.Float64(), "std": pl.Float64()}
    name = f"{column}_{function}_{window_us}_{hop_us}"
    return WindowedFeature(name, column, function, window_us, hop_us, counted.get(function, _TYPES[column]))


def view(*features: WindowedFeature, keys: Sequence[str] = ("user",)) -> ViewSpec:
    """A view over the drawn events."""
    return ViewSpec(
        "view", tuple(keys), "event_timestamp", "arrival_timestamp", "event_id", HORIZON_US, features
    )


@st.composite
def specs(draw: st.DrawFn) -> ViewSpec:
    """Every function once, over windows of one hop and of many."""
    windows = st.tuples(st.sampled_from([1, 2, 5, 10]), st.sampled_from([1, 2, 3, 7])).map(
        lambda p: (p[0] * p[1], p[0])
    )
    columns = {
        "last": "amount quantity label",
        "count_distinct": "amount quantity label",
        "count": "amount label",
    }
    features = []
    for function in FUNCTIONS:
        column = draw(st.sampled_from(columns.get(function, "amount quantity").split()))
        features += [
            feature(function, column, *window) for window in draw(st.sets(windows, min_size=1, max_size=2))
        ]
    return view(*features)


@st.composite
def events(draw: st.DrawFn, *, most: int = 25) -> list[Event]:
    """Events in arrival order, some late, some repeated (with the same or another time)."""
    drawn = draw(
        st.lists(
            st.tuples(
                st.sampled_from(KEYS), st.integers(0, 80), st.sampled_from([0, 0, 0, 1, 3, 20, 60]), values
            ),
            max_size=most,
        )
    )
    first = [Event((k,), t, t + late, str(i), v) for i, (k, t, late, v) in enumerate(drawn)]
    repeats = (
        draw(st.lists(st.tuples(st.sampled_from(first), st.integers(0, 60)), max_size=4)) if first else []
    )
    again = [Event(e.key, e.time, e.arrival + wait, e.event_id, e.values) for e, wait in repeats]
    return sorted(first + again, key=lambda e: e.arrival)


def frame(drawn: Sequence[Event]) -> pl.DataFrame:
    """Events as the executors take them."""
    columns: dict[str, Any] = {
        "user": pl.Series([e.key[0] for e in drawn], dtype=pl.String),
        "event_timestamp": pl.Series([e.time for e in drawn], dtype=pl.Int64).cast(TIMESTAMP),
        "arrival_timestamp": pl.Series([e.arrival for e in drawn], dtype=pl.Int64).cast(TIMESTAMP),
        "event_id": pl.Series([e.event_id for e in drawn], dtype=pl.String),
    }
    columns |= {
        name: pl.Series([e.values[name] for e in drawn], dtype=dtype) for name, dtype in _TYPES.items()
    }
    return pl.DataFrame(columns)


def instants(rows: Sequence[tuple[str, int]]) -> pl.DataFrame:
    """Questions: (key, instant in microseconds)."""
    return pl.DataFrame(
        {
            "user": pl.Series([key for key, _ in rows], dtype=pl.String),
            "event_timestamp": pl.Series([t for _, t in rows], dtype=pl.Int64).cast(TIMESTAMP),
        }
    )
