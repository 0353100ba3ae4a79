"""The stages behind the poll, with a fake store and a real archive.

::

    seconds   0         10        20   ...  60        70
    orders    o1(ann)   o2(ann)             |- o1's tile leaves the minute
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from ingestion.claims import OvertakenError
from ingestion.stream.archive_index import ArchiveIndex
from ingestion.stream.archived import Archived
from ingestion.stream.buffer import Buffer
from ingestion.stream.catalogue import EventTopic
from ingestion.stream.clock import Clock, EventClock, WallClock
from ingestion.stream.decoding import decode
from ingestion.stream.errors import NotDurableError
from ingestion.stream.fakes import FakeMessage, ManualClock, MemoryLetterBox, MemorySink
from ingestion.stream.fold import fold
from ingestion.stream.group import StateGroup
from ingestion.stream.lead import Lead
from ingestion.stream.messages import Partition, by_topic
from ingestion.stream.metrics import StreamMetrics
from ingestion.stream.pipeline import Pipeline
from ingestion.stream.units import PARTS, units_of
from tests.unit.ingestion.stream.shop import DAY_US, SECOND, message, order, orders_topic


@dataclass
class Bench:
    """A pipeline with everything around it in reach."""

    topic: EventTopic
    archived: Archived = field(default_factory=Archived.none)
    boundary_rows: int = 100
    clock: Clock | None = None

    def __post_init__(self) -> None:
        self.now = ManualClock()
        self.sink = MemorySink({spec.name: spec.join_keys for spec in self.topic.specs})
        self.letters = MemoryLetterBox()
        self.metrics = StreamMetrics()
        self.committed: dict[Partition, int] = {}
        self.clock = self.clock or WallClock(self.wall_us)
        self.pipeline = Pipeline(
            {"orders": self.topic},
            sink=self.sink,
            clock=self.clock,
            wall_us=self.wall_us,
            metrics=self.metrics,
            boundary_rows=self.boundary_rows,
        )
        works = units_of([self.topic], 1, frozenset(range(PARTS)))
        self.group = StateGroup.fresh(self.topic, {unit: work.spec for unit, work in works.items()})
        self.group.archived = self.archived
        self.pipeline.add(self.group)
        self.lead = self.pipeline.lead = Lead(
            1,
            {},
            {"orders": self.archived},
            {"orders": self.topic.archive.next_number()},
            topics={"orders": self.topic},
            buffer=Buffer(1000, 5, self.now),
            letters=self.letters,
            metrics=self.metrics,
            tombstones=lambda: self.topic.erased,
        )

    def take_in(self, *messages: FakeMessage) -> None:
        self.pipeline.take_in(by_topic(messages))

    def make_durable(self) -> None:
        self.lead.make_durable(self.commit)

    def fold(self) -> int:
        """The archive into the group; how many events."""
        listing = ArchiveIndex(self.topic.archive, "orders").refresh()
        return fold(self.group, listing, WallClock(self.wall_us), lambda _done, _total: None)

    def wall_us(self) -> int:
        return DAY_US + round(self.now.seconds * SECOND)

    def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.committed |= offsets

    def served(self, view: str, key: str) -> tuple[int, float]:
        row = self.sink.stored[view][key,]
        return row["orders_1m"], row["amount_10m"]

    def count(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(f"shop_stream_{name}_total", labels) or 0.0


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(orders_topic(tmp_path))


def test_rows_of_every_view_over_the_topic_are_pushed_at_once(bench: Bench) -> None:
    """Two orders of one user for two products: one row per entity, nothing durable yet."""
    bench.take_in(message(0, order(1, 0, amount=2)), message(1, order(2, 1, product="jam", amount=3)))
    assert bench.served("user_orders", "ann") == (2, 5.0)
    assert (bench.served("product_orders", "tea"), bench.served("product_orders", "jam")) == (
        (1, 2.0),
        (1, 3.0),
    )
    assert (bench.committed, bench.topic.archive.days()) == ({}, [])


def test_a_window_that_loses_a_tile_is_pushed_without_an_event(bench: Bench) -> None:
    """At 60 s the first order's tile has left the minute, at 70 s the second one's."""
    bench.take_in(message(0, order(1, 0)), message(1, order(2, 10)))
    seen = []
    for seconds in (59, 60, 69, 70):
        bench.now.seconds = seconds
        bench.pipeline.pass_boundaries()
        seen.append(bench.served("user_orders", "ann")[0])
    assert seen == [2, 1, 1, 0]


def test_boundary_rows_are_pushed_in_portions_between_the_events(tmp_path: Path) -> None:
    """Five users lose a tile, two rows at a time; an event of one of them is not overwritten by what waited."""
    bench = Bench(orders_topic(tmp_path), boundary_rows=2)
    bench.take_in(*[message(n, order(n, 0, user=f"u{n}", product="tea")) for n in range(5)])
    bench.now.seconds = 60
    bench.pipeline.pass_boundaries()
    bench.take_in(message(5, order(5, 60, user="u4")))
    for _ in range(4):
        bench.pipeline.pass_boundaries()
    assert [bench.served("user_orders", f"u{n}")[0] for n in range(5)] == [0, 0, 0, 0, 1]
    assert max(rows for _, rows in bench.sink.pushed[2:]) == 2


def test_offsets_are_committed_behind_letters_and_archive(bench: Bench) -> None:
    """One good and one bad message: the letter is delivered, the row is archived, both offsets are committed."""
    bench.take_in(message(0, order(1, 0)), message(1, b"{"))
    bench.make_durable()
    assert bench.topic.archive.scan(None, None).collect()["order_id"].to_list() == ["o1"]
    assert ([letter.offset for letter in bench.letters.delivered], bench.committed) == (
        [1],
        {("orders", 0): 2},
    )
    assert bench.count("dead_letters", topic="orders", kind="malformed_json") == 1


def test_nothing_is_committed_when_the_archive_cannot_be_written(bench: Bench, tmp_path: Path) -> None:
    """A file stands where the archive's folder should be, as on a full disk: the error says what happens next."""
    (tmp_path / "archive").write_text("")
    bench.take_in(message(0, order(1, 0)))
    with pytest.raises(NotDurableError, match=r"1 events of 'orders'.*a restart reads them again"):
        bench.make_durable()
    assert bench.committed == {}


def test_what_another_worker_has_archived_is_not_archived_again(bench: Bench) -> None:
    """The worker slept, the group gave its place to another one, and it wakes up with the same messages in its hands."""
    successor = Bench(bench.topic)
    for worker in (bench, successor):
        worker.take_in(message(0, order(1, 0)), message(1, order(2, 1)))
    successor.make_durable()
    with pytest.raises(OvertakenError):
        bench.make_durable()
    assert bench.committed == {}
    assert bench.topic.archive.scan(None, None).collect().height == 2


def test_repeated_and_late_and_expired_events_are_counted_and_archived(bench: Bench) -> None:
    """The repeat counts once, the late one counts, the one older than every window does not; all four are archived."""
    bench.now.seconds = 1200
    bench.pipeline.pass_boundaries()
    orders = [order(1, 1200), order(1, 1200), order(2, 1000), order(3, 0)]
    bench.take_in(*[message(n, value, seconds=1200) for n, value in enumerate(orders)])
    bench.make_durable()
    counts = [bench.count(f"events_{name}", topic="orders") for name in ("valid", "repeated", "late")]
    assert (counts, bench.count("events_expired", view="user_orders")) == ([4, 1, 2], 1)
    assert bench.served("user_orders", "ann") == (1, 2.0)
    assert bench.topic.archive.scan(None, None).collect().height == 4


def test_what_is_archived_already_is_neither_archived_nor_counted_again(tmp_path: Path) -> None:
    """Offset 0 is in the archive and folded; it is read again with offset 1, as nothing was committed."""
    first = Bench(orders_topic(tmp_path))
    first.take_in(message(0, order(1, 0)))
    first.make_durable()
    archived = Archived.read(first.topic.archive, "orders", first.topic.archive.files(), {0: 9})
    again = Bench(orders_topic(tmp_path), archived=archived)
    again.fold()
    again.take_in(message(0, order(1, 0)), message(1, order(2, 1)))
    again.make_durable()
    assert again.served("user_orders", "ann") == (2, 2.0)
    assert sorted(again.topic.archive.scan(None, None).collect()["_offset"].to_list()) == [0, 1]


def test_a_worker_that_was_down_serves_what_one_that_never_stopped_serves(tmp_path: Path) -> None:
    """Down from 5 s to 700 s: the fold finds the windows that became empty meanwhile and pushes them."""
    before = Bench(orders_topic(tmp_path))
    before.take_in(message(0, order(1, 0)), message(1, order(2, 4, user="bob")))
    before.make_durable()
    after = Bench(orders_topic(tmp_path))
    after.now.seconds = 700
    assert after.fold() == 2
    after.pipeline.pass_boundaries()
    assert [after.served("user_orders", user) for user in ("ann", "bob")] == [(0, 0.0), (0, 0.0)]


def test_a_store_that_came_back_empty_is_filled_again(bench: Bench) -> None:
    """Every entity's row waits and is pushed with the next portion."""
    bench.take_in(message(0, order(1, 0)), message(1, order(2, 4, user="bob")))
    bench.sink.stored.clear()
    bench.pipeline.await_all("a store that was started again")
    bench.now.seconds = 5
    bench.pipeline.pass_boundaries()
    assert [bench.served("user_orders", user) for user in ("ann", "bob")] == [(1, 1.0), (1, 1.0)]


def test_old_files_are_replayed_by_their_own_clock(tmp_path: Path) -> None:
    """Years ago by the wall clock: an order of 70 s moves the windows past the one of 0 s, without a second going by."""
    bench = Bench(orders_topic(tmp_path), clock=EventClock())
    bench.now.seconds = 1e8
    bench.take_in(message(0, order(1, 0)))
    bench.take_in(message(1, order(2, 70, user="bob"), seconds=70))
    bench.pipeline.pass_boundaries()
    assert [bench.served("user_orders", user) for user in ("ann", "bob")] == [(0, 1.0), (1, 1.0)]


def test_freshness_leaves_late_events_out(bench: Bench) -> None:
    """Pushed at 10 s: the event of 8 s is 2 s old; one of a day before says nothing about the worker."""
    bench.now.seconds = 10
    bench.take_in(message(0, order(1, 8), seconds=9), message(1, order(2, -600), seconds=9))
    sample = bench.metrics.registry.get_sample_value
    view = {"view": "user_orders"}
    assert sample("shop_stream_freshness_seconds_count", view) == 1
    assert sample("shop_stream_freshness_seconds_sum", view) == pytest.approx(2.0)
    assert sample("shop_stream_latency_seconds_count") == 2


def test_the_gauges_follow_the_state(bench: Bench) -> None:
    """Keys by view, and a watermark a minute behind the newest event."""
    bench.take_in(message(0, order(1, 0)), message(1, order(2, 0, user="bob")))
    bench.pipeline.measure()
    sample = bench.metrics.registry.get_sample_value
    assert sample("shop_stream_state_keys", {"view": "user_orders"}) == 2
    assert sample("shop_stream_watermark_seconds", {"topic": "orders"}) == DAY_US / SECOND - 60


def test_a_topic_without_views_is_archived_only(tmp_path: Path) -> None:
    """Nothing is pushed and nothing is folded."""
    full = orders_topic(tmp_path)
    bench = Bench(EventTopic("orders", full.contract, full.archive, 0, 0, specs=()))
    bench.take_in(message(0, order(1, 0)))
    bench.make_durable()
    assert (bench.sink.pushed, full.archive.scan(None, None).collect().height) == ([], 1)


def test_an_executor_s_rows_come_in_any_order_of_arrival(bench: Bench) -> None:
    """Partitions are read one after the other: of a repeat the first arrival counts, wherever it stands in the batch."""
    late, first = (
        message(0, order(1, 0, user="bob"), seconds=9),
        message(7, order(1, 0), seconds=1, partition=1),
    )
    taken = bench.group.take_in(rows_of(bench, late, first), {})
    assert taken.events.select("user_id").to_series().to_list() == ["ann"]


def rows_of(bench: Bench, *messages: FakeMessage) -> pl.DataFrame:
    return decode(by_topic(messages)[0], bench.topic.contract).rows
