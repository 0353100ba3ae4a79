import polars as pl
import pytest

from ingestion.stream.fakes import MemorySink
from ingestion.stream.sink import FeastSink, PatientSink, SinkAwayError, pauses

ROWS = pl.DataFrame({"user_id": ["ann"], "event_timestamp": [1]})


def test_a_push_is_repeated_until_the_store_answers() -> None:
    """Three failures: pauses of 0.1, 0.2 and 0.3 s (the longest), then the row is there, once."""
    store, paused, told = MemorySink({"v": ("user_id",)}, away_for=3), list[float](), list[object]()
    PatientSink(store, paused.append, 0.3, told.append).push("v", ROWS)
    assert (paused, store.pushed) == ([0.1, 0.2, 0.3], [("v", 1)])
    assert [str(error) for error in told] == ["the fake store is away"] * 3 + ["None"]


def test_what_ends_the_waiting_is_raised() -> None:
    """A pause that raises ends the push; nothing was written."""

    def stop(_seconds: float) -> None:
        raise InterruptedError

    store = MemorySink({"v": ("user_id",)}, away_for=9)
    with pytest.raises(InterruptedError):
        PatientSink(store, stop, 1, lambda _: None).check()
    assert store.pushed == []


def test_only_the_store_s_absence_is_waited_out() -> None:
    """Any other error is a mistake of ours and passes through."""

    def push(_store: object, view: str, _rows: pl.DataFrame) -> None:
        raise TimeoutError if view == "slow" else KeyError(view)

    sink = FeastSink(None, push, push, lambda: "one", away=TimeoutError)
    sink.check()
    assert sink.identity() == "one"
    with pytest.raises(SinkAwayError):
        sink.push("slow", ROWS)
    with pytest.raises(KeyError):
        sink.push("unknown", ROWS)


def test_pauses_double_up_to_the_longest() -> None:
    """0.1, 0.2, 0.4, 0.5, 0.5 ..."""
    assert [seconds for seconds, _ in zip(pauses(0.5), range(5), strict=False)] == [0.1, 0.2, 0.4, 0.5, 0.5]


def test_each_view_goes_over_to_newer_definitions_by_itself() -> None:
    """The rows of a view that is not adopted yet have its old definition, and are pushed by it."""
    used = list[object]()

    def use(store: object, view: str, _rows: object) -> None:
        used.append((store, view))

    sink = FeastSink("old", use, use, lambda: "", away=OSError)
    sink.offer("new")
    sink.adopt("changed")
    for view in ("changed", "other"):
        sink.push(view, ROWS)
    assert used == [("new", "changed"), ("old", "other")]
