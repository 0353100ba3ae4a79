"""State of machines between batches, with a state of Spark's in memory; attempts that fail leave nothing behind."""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
import pytest

from ingestion.archive import ARRIVAL
from ingestion.spark.stream import kept as kept_module
from ingestion.spark.stream.kept import Kept, Nearby
from ingestion.spark.stream.machines import ARRIVAL_ORDER, UNKNOWN, Repeats, Windows
from ingestion.spark.stream.packing import by_share, packed, together, unpacked
from ingestion.stream.image_file import as_bytes, from_bytes
from ingestion.windows.incremental import IncrementalExecutor
from ingestion.windows.spec import TIMESTAMP, ViewSpec, WindowedFeature

SECOND = 1_000_000
SPEC = ViewSpec(
    "orders",
    ("user_id",),
    "event_timestamp",
    ARRIVAL,
    "event_id",
    60 * SECOND,
    (
        WindowedFeature("count", "event_id", "count", 10 * SECOND, SECOND, pl.Int64()),
        WindowedFeature("last", "label", "last", 10 * SECOND, SECOND, pl.String()),
        WindowedFeature("labels", "label", "count_distinct", 30 * SECOND, 10 * SECOND, pl.Int64()),
    ),
)


def events(first: int, count: int) -> pl.DataFrame:
    """One a second; every seventh has no label."""
    numbers = np.arange(first, first + count)
    times = pl.Series(numbers * SECOND).cast(TIMESTAMP)
    return pl.DataFrame(
        {
            "user_id": [f"user_{n % 3}" for n in numbers],
            "event_timestamp": times,
            ARRIVAL: times,
            "event_id": [f"e{n}" for n in numbers],
            "label": [None if n % 7 == 0 else f"l{n % 5}" for n in numbers],
            "_partition": pl.Series([0] * count, dtype=pl.Int32),
            "_offset": numbers,
        }
    )


@dataclass
class Value:
    """Spark's value state of one key."""

    held: tuple[Any, ...] | None = None

    def get(self) -> tuple[Any, ...] | None:
        return self.held

    def update(self, value: tuple[Any, ...]) -> None:
        self.held = value


@dataclass
class Log:
    """Spark's list state of one key."""

    held: list[tuple[Any, ...]] = field(default_factory=list)

    def get(self) -> list[tuple[Any, ...]]:
        return self.held

    def appendValue(self, value: tuple[Any, ...]) -> None:  # noqa: N802  # named by Spark
        self.held.append(value)

    def clear(self) -> None:
        self.held = []


@dataclass
class State:
    """Spark's state of one key; a copy is what a batch begins with."""

    values: dict[str, Value | Log] = field(default_factory=dict)

    def getValueState(self, name: str, schema: str) -> Value:  # noqa: N802  # named by Spark
        made = self.values.setdefault(name, Value())
        assert isinstance(made, Value), schema
        return made

    def getListState(self, name: str, schema: str) -> Log:  # noqa: N802  # named by Spark
        made = self.values.setdefault(name, Log())
        assert isinstance(made, Log), schema
        return made

    def copy(self) -> "State":
        return deepcopy(self)


def windows_of(state: State, nearby: Nearby) -> Kept[list[pl.DataFrame]]:
    return Kept(state, "here", lambda _: Windows(SPEC), lambda _, image: Windows.of(SPEC, image), nearby)


def rows_of(parts: list[pl.DataFrame]) -> list[dict[str, Any]]:
    return [row for part in parts for row in part.sort("user_id").iter_rows(named=True)]


@pytest.mark.parametrize("least", [0, 1 << 30])
def test_a_machine_is_the_same_in_whatever_process_a_batch_is_computed(
    least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stays in memory, one that is made anew for each batch of an image or a log, and one that knows no state."""
    monkeypatch.setattr(kept_module, "LEAST_BYTES", least)
    alone, one_process = Windows(SPEC), Nearby()
    staying, moving = State(), State()
    for batch in range(12):
        taken = events(batch * 20, 20) if batch % 3 else None
        entry = Windows.entry(taken, (batch * 20 + 25) * SECOND if batch % 2 else UNKNOWN)
        expected = rows_of(alone.take(entry))
        assert rows_of(windows_of(staying, one_process).take("key", entry)) == expected
        assert rows_of(windows_of(moving, Nearby()).take("key", entry)) == expected
    assert (least == 0) == (moving.values["image"].get() is not None)


def test_a_log_of_many_small_entries_becomes_an_image() -> None:
    """Whoever takes the key over does not go through an hour of seconds."""
    state, nearby, longest = State(), Nearby(), 0
    kept = windows_of(state, nearby)
    for second in range(2 * kept_module.MOST_ENTRIES + 10):
        kept.take("key", Windows.entry(None, second * SECOND))
        longest = max(longest, len(kept._log.get()))
    assert longest == kept_module.MOST_ENTRIES
    assert state.values["image"].get() is not None


def test_a_batch_that_failed_is_computed_again_from_what_was_committed() -> None:
    """Its machine has gone on, and is not taken for the one that the state tells of."""
    nearby, committed, alone = Nearby(), State(), Windows(SPEC)
    entries = [Windows.entry(events(n * 10, 10), (n * 10 + 5) * SECOND) for n in range(4)]
    for entry in entries:
        failed = committed.copy()
        windows_of(failed, nearby).take("key", entry)
        expected = rows_of(alone.take(entry))
        assert rows_of(windows_of(committed, nearby).take("key", entry)) == expected


def test_a_state_begins_with_an_image() -> None:
    """What was archived counts, and every entity's row comes with the first batch."""
    archived, alone = Windows(SPEC), IncrementalExecutor(SPEC)
    archived.fold(events(0, 30))
    alone.update(events(0, 30))
    state = State()
    windows_of(state, Nearby()).begin(as_bytes(archived.image()))
    alone.advance(31 * SECOND)
    found = windows_of(state, Nearby()).take("key", Windows.entry(None, 31 * SECOND))
    assert rows_of(found) == rows_of([alone.rows()])


def test_machines_that_take_too_much_memory_are_let_go() -> None:
    """The one that was used longest ago first; the newest stays whatever it takes."""
    nearby = Nearby(most_bytes=1)
    machine = Windows(SPEC)
    machine.fold(events(0, 9))
    for name in ("a", "b"):
        nearby.keep(name, name.encode(), machine)
    assert nearby.take("a", b"a") is None
    assert nearby.take("b", b"b") is machine


def test_repeats_are_told_apart_after_a_move() -> None:
    """By an image as by the ids themselves."""
    machine = Repeats("event_id", 60 * SECOND)
    assert machine.take(Repeats.entry(events(0, 10), "event_id")).all()
    moved = Repeats.of("event_id", 60 * SECOND, from_bytes(as_bytes(machine.image())))
    for each in (machine, moved):
        assert each.take(Repeats.entry(events(5, 10), "event_id")).to_list() == [False] * 5 + [True] * 5


def test_packs_keep_types_and_nulls_and_divide_every_row_once() -> None:
    """Together they are what was divided, in arrival order."""
    rows = events(0, 50)
    assert unpacked(packed(rows)).equals(rows)
    parts = dict(by_share(rows, ["event_id"], 4))
    assert len(parts) == 4
    joined = together(parts.values(), ARRIVAL_ORDER)
    assert joined is not None
    assert joined.equals(rows)
    assert together([], ARRIVAL_ORDER) is None
    assert list(by_share(rows.clear(), ["event_id"], 4)) == []
