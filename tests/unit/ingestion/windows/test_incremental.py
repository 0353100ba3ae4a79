from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.windows import incremental, layout
from ingestion.windows.asof import evaluate_as_of, latest_rows
from ingestion.windows.dedup import RepeatFilter, without_repeats
from ingestion.windows.image import ImageError
from ingestion.windows.incremental import IncrementalExecutor
from ingestion.windows.spec import ViewSpec
from tests import oracle
from tests.oracle import Event
from tests.unit.ingestion.windows import strategies as drawn


class Worker:
    """A stream worker without Kafka and Redis: batches in, the latest row of each entity out."""

    def __init__(self, spec: ViewSpec) -> None:
        self.spec = spec
        self.executor = IncrementalExecutor(spec)
        self.repeats = RepeatFilter(spec.dedup_horizon_us)
        self.online: dict[str, dict[str, Any]] = {}

    def take(self, batch: list[Event], now: int) -> None:
        self.executor.update(self.without_repeats(batch))
        self.executor.advance(now)
        self.push(self.executor.take_changed())
        while self.executor.waiting:
            self.push(self.executor.take_waiting(2))

    def without_repeats(self, batch: list[Event]) -> pl.DataFrame:
        events = drawn.frame(batch)
        keep = self.repeats.keep(events["event_id"], events["arrival_timestamp"].to_physical().to_numpy())
        return events.filter(pl.Series(keep))

    def push(self, rows: pl.DataFrame) -> None:
        for row in rows.to_dicts():
            stored = self.online.get(row["user"])
            assert stored is None or stored["event_timestamp"] <= row["event_timestamp"]
            self.online[row["user"]] = row

    def row(self, key: str) -> dict[str, Any]:
        empty = evaluate_as_of(self.spec, drawn.frame([]), drawn.instants([(key, 0)])).to_dicts()[0]
        return self.online.get(key, empty)

    def restart(self) -> None:
        """Go on with what another process would read back from the bytes of the image."""
        image = {name: array.copy() for name, array in self.executor.image().items()}
        self.executor = IncrementalExecutor.from_image(self.spec, image)


def batches(events: list[Event], cuts: list[int]) -> list[list[Event]]:
    edges = [0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]
    return [events[a:b] for a, b in pairwise(edges)]


@settings(max_examples=200)
@given(drawn.specs(), drawn.events(), st.lists(st.integers(0, 25), max_size=5), st.integers(0, 120))
def test_after_every_batch_the_rows_equal_the_oracle(
    spec: ViewSpec, events: list[Event], cuts: list[int], idle: int
) -> None:
    """Whatever the split into batches, and again after an idle time in which only boundaries pass."""
    worker = Worker(spec)
    seen: list[Event] = []
    now = 0
    for batch in batches(events, cuts):
        seen += batch
        now = max([now, *(e.arrival + 1 for e in batch)])
        worker.take(batch, now)
        for key in drawn.KEYS:
            assert oracle.differences(spec, worker.row(key), oracle.row(spec, seen, (key,), now)) == {}
    worker.take([], now + idle)
    for key in drawn.KEYS:
        assert oracle.differences(spec, worker.row(key), oracle.row(spec, seen, (key,), now + idle)) == {}


@settings(max_examples=200)
@given(drawn.specs(), drawn.events(), st.integers(0, 25), st.integers(0, 120))
def test_a_restart_from_the_archive_continues_with_the_same_rows(
    spec: ViewSpec, events: list[Event], cut: int, idle: int
) -> None:
    """A new executor that folds the archive after its clock was set equals the one that lived through it."""
    before, after = events[:cut], events[cut:]
    restart = max([0, *(e.arrival + 1 for e in before)]) + idle
    worker = Worker(spec)
    worker.executor.advance(restart)
    worker.take(before, restart)
    for key in drawn.KEYS:
        assert oracle.differences(spec, worker.row(key), oracle.row(spec, before, (key,), restart)) == {}
    late = [Event(e.key, e.time, max(e.arrival, restart), e.event_id, e.values) for e in after]
    end = max([restart, *(e.arrival + 1 for e in late)])
    worker.take(late, end)
    for key in drawn.KEYS:
        assert oracle.differences(spec, worker.row(key), oracle.row(spec, before + late, (key,), end)) == {}


@settings(max_examples=200)
@given(drawn.specs(), drawn.events(), st.lists(st.integers(0, 25), max_size=5), st.integers(0, 120))
def test_a_restart_from_an_image_between_any_two_batches_changes_nothing(
    spec: ViewSpec, events: list[Event], cuts: list[int], idle: int
) -> None:
    """Every row that is pushed is the same as without restarts, those that waited at the restart included."""
    lived, restarted = Worker(spec), Worker(spec)
    now = 0
    for batch in [*batches(events, cuts), []]:
        now = max([now, *(e.arrival + 1 for e in batch)]) if batch else now + idle
        lived.take(batch, now)
        restarted.executor.update(restarted.without_repeats(batch))
        restarted.restart()
        restarted.executor.advance(now)
        restarted.restart()
        restarted.push(restarted.executor.take_changed())
        restarted.restart()
        while restarted.executor.waiting:
            restarted.push(restarted.executor.take_waiting(1))
            restarted.restart()
        assert restarted.online == lived.online
    assert restarted.executor.keys == lived.executor.keys


@settings(max_examples=200)
@given(
    drawn.specs(), drawn.events(), st.lists(st.integers(0, 25), min_size=3, max_size=3), st.integers(0, 60)
)
def test_a_fold_ends_with_the_rows_of_a_stream(
    spec: ViewSpec, events: list[Event], cuts: list[int], idle: int
) -> None:
    """Live, folded, live again: after the fold the row of every entity it touched waits, and all rows equal the oracle."""
    worker = Worker(spec)
    seen: list[Event] = []
    now = 0
    for number, batch in enumerate(batches(events, cuts)):
        seen += batch
        now = max([now, *(e.arrival + 1 for e in batch)]) + idle
        if number in (1, 2):
            worker.executor.fold(worker.without_repeats(batch))
            worker.executor.advance(now)
        else:
            worker.take(batch, now)
            for key in drawn.KEYS:
                assert oracle.differences(spec, worker.row(key), oracle.row(spec, seen, (key,), now)) == {}


@settings(max_examples=100)
@given(drawn.events(most=60), st.lists(st.integers(0, 60), max_size=5), st.integers(0, 120))
def test_windows_of_very_many_hops_have_buckets_of_several(
    events: list[Event], cuts: list[int], idle: int
) -> None:
    """The same rows as ever, though tiles of several boundaries are in one bucket, and nothing is left behind."""
    functions = ("sum", "count", "min", "max", "std", "count_distinct", "last")
    spec = drawn.view(*(drawn.feature(f, "amount", window, 1) for f in functions for window in (4, 50)))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "MOST_BUCKETS", 5)
        worker = Worker(spec)
        seen: list[Event] = []
        now = 0
        for batch in batches(events, cuts):
            seen += batch
            now = max([now, *(e.arrival + 1 for e in batch)])
            worker.take(batch, now)
            for key in drawn.KEYS:
                assert oracle.differences(spec, worker.row(key), oracle.row(spec, seen, (key,), now)) == {}
        worker.take([], now + idle)
        for key in drawn.KEYS:
            assert oracle.differences(spec, worker.row(key), oracle.row(spec, seen, (key,), now + idle)) == {}
        worker.take([], now + 200)
        assert worker.executor.keys == 0


@settings(max_examples=200)
@given(drawn.specs(), drawn.events(), st.integers(0, 120))
def test_stream_and_materialize_write_the_same_rows(spec: ViewSpec, events: list[Event], idle: int) -> None:
    """Same values and the same clocks, for every entity that has something in a window."""
    end = max([0, *(e.arrival + 1 for e in events)]) + idle
    worker = Worker(spec)
    for event in events:
        worker.take([event], event.arrival + 1)
    worker.take([], end)
    materialized = latest_rows(spec, without_repeats(drawn.frame(events), spec), end)
    for row in materialized.to_dicts():
        assert oracle.differences(spec, worker.row(row["user"]), row) == {}


def test_after_the_last_event_the_row_becomes_the_empty_window_by_itself() -> None:
    """Window 20, hop 10: an event at 5, boundary 20; then the entity is forgotten."""
    spec = drawn.view(drawn.feature("count", "amount", 20, 10), drawn.feature("last", "label", 20, 10))
    worker = Worker(spec)
    worker.take([Event(("anna",), 5, 5, "1", {"amount": 1.0, "quantity": 1, "label": "a"})], 19)
    assert worker.row("anna")["amount_count_20_10"] == 1
    worker.take([], 20)
    assert worker.row("anna")["amount_count_20_10"] == 0
    assert worker.row("anna")["label_last_20_10"] is None
    assert worker.executor.keys == 0


def test_an_event_older_than_every_window_is_counted_not_aggregated() -> None:
    """Now is 100, the window 20: an event of 85 has left it (tile 8 left at 100), one of 95 has not."""
    spec = drawn.view(drawn.feature("count", "amount", 20, 10))
    executor = IncrementalExecutor(spec)
    executor.advance(100)
    values = {"amount": 1.0, "quantity": 1, "label": "a"}
    counts = executor.update(drawn.frame([Event(("anna",), t, 100, str(t), values) for t in (85, 95)]))
    assert (counts.applied, counts.expired) == (1, 1)
    assert executor.take_changed()["amount_count_20_10"].to_list() == [1]


def test_an_event_older_than_every_window_renews_the_row_of_its_entity() -> None:
    """A worker pushed anna's row and was killed before it could archive her event; the next reads it when it counts no more.

    ::

        event 5   pushed 6: count 1   killed 7        read again 25: too old, but Redis must not keep count 1
    """
    spec = drawn.view(*(drawn.feature(function, "amount", 20, 10) for function in ("count", "last")))
    executor = IncrementalExecutor(spec)
    executor.advance(25)
    event = Event(("anna",), 5, 5, "1", {"amount": 1.0, "quantity": 1, "label": "a"})
    counts = executor.update(drawn.frame([event]))
    rows = executor.take_changed()
    assert (counts.applied, counts.expired, executor.keys) == (0, 1, 0)
    assert rows["event_timestamp"].to_physical().to_list() == [20]
    assert rows["amount_count_20_10"].to_list() == [0]
    assert rows["amount_last_20_10"].to_list() == [None]


def test_memory_is_bounded_by_what_the_windows_hold() -> None:
    """A thousand laps of the same three tiles use the room of a few."""
    spec = drawn.view(
        drawn.feature("sum", "amount", 20, 10), drawn.feature("count_distinct", "label", 20, 10)
    )
    executor = IncrementalExecutor(spec)
    sizes = []
    for lap in range(1000):
        values = {"amount": 1.0, "quantity": 1, "label": "abc"[lap % 3]}
        executor.update(drawn.frame([Event(("anna",), 10 * lap, 10 * lap, str(lap), values)]))
        executor.advance(10 * lap + 1)
        executor.take_changed()
        sizes.append(executor.nbytes)
    assert sizes[-1] == sizes[10]


def test_an_image_of_another_view_or_format_is_refused() -> None:
    """The state must have been made by the same definition, in the same form."""
    spec = drawn.view(drawn.feature("count", "amount", 20, 10))
    other = drawn.view(drawn.feature("count", "amount", 30, 10))
    executor = IncrementalExecutor(spec)
    executor.update(drawn.frame([Event(("anna",), 5, 5, "1", {"amount": 1.0, "quantity": 1, "label": "a"})]))
    image = executor.image()
    with pytest.raises(ImageError, match="another definition"):
        IncrementalExecutor.from_image(other, image)
    with pytest.raises(ImageError):
        IncrementalExecutor.from_image(spec, {name: a for name, a in image.items() if name != "state.rows"})
    assert IncrementalExecutor.from_image(spec, IncrementalExecutor(spec).image()).keys == 0


def test_a_value_that_was_far_too_large_leaves_nothing_behind() -> None:
    """Squares of 1e12 beside cents: once the tile has left, sum and deviation are those of the cents again.

    ::

        event 1e12   10.00   10.01   10.02        window 40, hop 10
        at       5      12      22      32        the first tile leaves at 40
    """
    functions = ("sum", "mean", "std")
    spec = drawn.view(*(drawn.feature(function, "amount", 40, 10) for function in functions))
    worker = Worker(spec)
    amounts = [(5, 1e12), (12, 10.0), (22, 10.01), (32, 10.02)]
    events = [Event(("anna",), t, t, str(t), {"amount": a, "quantity": 1, "label": "a"}) for t, a in amounts]
    worker.take(events, 33)
    worker.take([], 40)
    assert oracle.differences(spec, worker.row("anna"), oracle.row(spec, events, ("anna",), 40)) == {}


def test_all_entities_can_be_made_to_wait() -> None:
    """For a store that came back with less than it had: each row once, but for those that are taken as changed."""
    spec = drawn.view(drawn.feature("count", "amount", 20, 10))
    executor = IncrementalExecutor(spec)
    values = {"amount": 1.0, "quantity": 1, "label": "a"}
    executor.update(drawn.frame([Event((key,), 5, 5, key, values) for key in drawn.KEYS]))
    executor.advance(6)
    executor.take_changed()
    executor.update(drawn.frame([Event(("bert",), 7, 7, "2", values)]))
    executor.await_all()
    assert executor.waiting == 2
    assert sorted(executor.take_waiting(9)["user"]) == ["anna", "cleo"]
    assert executor.take_changed()["user"].to_list() == ["bert"]
    assert executor.waiting == 0


def test_a_row_is_taken_once_whether_changed_or_waiting() -> None:
    """Anna's window is empty at 20, then an event of 5 comes in: she is changed and waits no more, and is forgotten once."""
    spec = drawn.view(drawn.feature("count", "amount", 20, 10))
    executor = IncrementalExecutor(spec)
    late = [Event(("anna",), 5, 30, str(i), {"amount": 1.0, "quantity": 1, "label": "a"}) for i in (1, 2)]
    executor.update(drawn.frame(late[:1]))
    executor.take_changed()
    executor.advance(20)
    assert executor.waiting == 1
    executor.update(drawn.frame(late[1:]))
    assert executor.waiting == 0
    assert executor.take_waiting(9).is_empty()
    assert executor.take_changed()["amount_count_20_10"].to_list() == [0]
    assert executor.keys == 0


def test_dictionaries_forget_values_that_no_window_refers_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """New labels for ever, three at a time in a window: the dictionary stays small and the values stay right."""
    monkeypatch.setattr(incremental, "_FEW", 8)
    features = [drawn.feature(function, "label", 30, 10) for function in ("count_distinct", "last")]
    executor = IncrementalExecutor(drawn.view(*features))
    sizes = []
    for lap in range(300):
        values = {"amount": 1.0, "quantity": 1, "label": f"label {lap}"}
        executor.update(drawn.frame([Event(("anna",), 10 * lap, 10 * lap, str(lap), values)]))
        executor.advance(10 * lap + 1)
        row = executor.take_changed().to_dicts()[0]
        assert row["label_last_30_10"] == f"label {lap}"
        assert row["label_count_distinct_30_10"] == min(lap + 1, 3)
        sizes.append(executor.nbytes)
    assert sizes[-1] < 1.1 * sizes[100]
