"""Whatever happens to whichever worker between two batches: in the end every row is the oracle's, every event archived once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.archive import POSITION_TYPES
from ingestion.compaction import Compaction
from ingestion.stream.status import Phase
from ingestion.stream.units import PARTS
from tests.unit.ingestion.stream.crew import Crew, crew, with_view
from tests.unit.ingestion.stream.shop import DAY, DAY_US, SECOND, spec

USERS = ("ann", "bob", "cyd", "dan", "eve")
PRODUCTS = ("tea", "jam", "rum")

sends = st.tuples(
    st.just("send"),
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.sampled_from([0.0, 1.0, 30.0, 70.0, 500.0, 700.0]),
            st.integers(0, len(USERS) - 1),
            st.integers(0, len(PRODUCTS) - 1),
        ),
        min_size=1,
        max_size=12,
    ),
)
picks = st.integers(0, 9)
steps = st.one_of(
    sends,
    st.tuples(st.just("turn"), picks),
    st.tuples(st.just("turn"), picks),
    st.tuples(st.just("work"), picks),
    st.tuples(st.just("loop"), picks),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 2.5, 20.0])),
    st.tuples(st.just("move"), picks, st.sets(st.integers(0, PARTS - 1), min_size=8, max_size=24)),
    st.tuples(st.just("hire"), picks),
    st.tuples(st.just("fire"), picks),
    st.tuples(st.just("kill"), picks),
    st.tuples(st.just("redis"), picks),
    st.tuples(st.just("away"), st.integers(1, 4)),
    st.tuples(st.just("away while"), picks, st.sets(st.integers(0, PARTS - 1), min_size=8, max_size=24)),
    st.tuples(st.just("freeze"), picks),
    st.tuples(st.just("thaw"), picks),
)


def take(crew: Crew, step: tuple[Any, ...]) -> None:
    kind, what = step[0], step[1]
    mate = crew.mates[what % len(crew.mates)] if isinstance(what, int) and crew.mates else None
    if kind == "send":
        for number, ago, user, product in what:
            crew.send(number, ago, USERS[user], PRODUCTS[product], 1 + number % 7 / 8)
    elif kind == "wait":
        crew.now.seconds += what
    elif kind == "hire" and len(crew.mates) < 4:
        crew.hire()
    elif kind == "redis":
        crew.sink.run += 1
        crew.sink.stored.clear()
    elif kind == "away":
        crew.sink.away_for = what
    elif kind == "thaw" and crew.frozen:
        crew.thaw()
    elif mate is not None and kind == "turn":
        mate.turn()
    elif mate is not None and kind == "loop":
        mate.worker.turn()
    elif mate is not None and kind == "work":
        mate.threads.work()
    elif mate is not None and kind == "move":
        crew.group.move(frozenset(step[2]), mate.consumer)
    elif mate is not None and kind == "away while":
        crew.move_while_away(frozenset(step[2]), mate)
    elif mate is not None and kind == "freeze":
        crew.freeze(mate)
    elif mate is not None and kind == "kill":
        crew.kill(mate)
    elif mate is not None and kind == "fire":
        crew.fire(mate)


def assert_all_is_right(crew: Crew) -> None:
    crew.sink.away_for = 0
    if not crew.mates:
        crew.hire()
    crew.settle()
    crew.now.seconds += 5
    crew.settle()
    assert crew.differences() == []
    assert crew.archived() == crew.everything_sent()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=5, max_size=40), st.sampled_from([1, 3]))
def test_any_history_of_workers_ends_with_the_oracle_s_rows(history: list[Any], shares: int) -> None:
    """Batches, hand-overs, kills, freezes, stops, snapshots, a store that is away or new, in any order; repeats, late events."""
    with crew(shares) as some:
        some.hire()
        for step in history:
            take(some, step)
        assert_all_is_right(some)


def test_a_worker_that_sleeps_before_it_has_read_anything_comes_back() -> None:
    """It is expelled while it recovers, and hears of it before it has parts again: nobody leads beside another."""
    with crew() as some:
        some.hire()
        some.send(0, 0.0, "ann", "tea", 1.0)
        some.hire()
        some.freeze(some.mates[0])
        some.send(0, 0.0, "ann", "tea", 1.0)
        some.thaw()
        assert sorted(part for mate in some.mates for part in mate.consumer.parts) == list(range(PARTS))
        assert_all_is_right(some)


def test_a_worker_that_stood_by_for_long_waits_for_the_store_like_one_that_starts() -> None:
    """It is needed when others fail, and the store may be away just then: its patience begins when it has something to do."""
    with crew(stream_start_timeout_seconds=30.0) as some:
        for _ in range(4):
            some.hire()
        orders_of(some, 10)
        some.settle()
        by = next(mate for mate in some.mates if not mate.worker._holdings.is_charged)
        for _ in range(10):
            some.now.seconds += 20
            for mate in some.mates:
                mate.turn()
        for mate in [mate for mate in some.mates if mate is not by]:
            some.kill(mate)
        some.sink.away_for = 3
        by.turn()
        assert_all_is_right(some)


def orders_of(some: Crew, count: int, first: int = 0) -> None:
    for n in range(first, first + count):
        some.send(n, 1.0, USERS[n % 5], PRODUCTS[n % 3], 1.0)


def test_a_view_that_is_new_and_one_that_has_changed_join_beside_the_stream() -> None:
    """The third view is computed from the archive and from Kafka behind it while orders go on; the second one replaces itself."""
    with crew() as some:
        mate = some.hire()
        orders_of(some, 30)
        some.settle(10)
        some.now.seconds += 2
        some.settle(10)
        changed = replace(spec("user_orders", "user_id"), features=spec("", "").features[:1])
        some.apply(with_view(with_view(some.topic, spec("late_orders", "user_id")), changed))
        for n in range(8):
            orders_of(some, 10, first=100 + 10 * n)
            some.now.seconds += 0.3
            mate.worker.turn()
            if n % 3 == 2:
                mate.threads.work()
        assert_all_is_right(some)
        assert "amount_10m" not in some.sink.stored["user_orders"]["ann",] or some.sink.pushed


def test_events_loaded_from_files_while_no_worker_ran_are_counted_and_counted_once() -> None:
    """They have no place in Kafka: the names of their files tell which a snapshot holds."""
    with crew() as some:
        orders_of(some, 12)
        some.hire()
        some.settle(12)
        some.fire(some.mates[0])
        some.now.seconds += 1
        number, at = 500, some.now.seconds - 1.0
        load(some, number, at)
        some.hire()
        some.settle(12)
        some.fire(some.mates[0])
        some.hire()
        some.settle()
        assert some.differences() == []


def load(some: Crew, number: int, at: float) -> None:
    """One order into the archive, not through Kafka."""
    instant = pl.lit(DAY + timedelta(seconds=at)).cast(pl.Datetime("us", "UTC"))
    values = {"order_id": f"o{number}", "user_id": "ann", "product_id": "tea", "amount": 4.0}
    nowhere = [pl.lit(None, kind).alias(name) for name, kind in POSITION_TYPES.items()]
    some.topic.archive.write(
        some.topic.archive.scan(None, None)
        .collect()
        .head(1)
        .with_columns(
            instant.alias("event_timestamp"),
            instant.alias("arrival_timestamp"),
            *(pl.lit(value).alias(name) for name, value in values.items()),
            *nowhere,
        )
    )
    event = {"id": f"o{number}", "at": at, "arrival": DAY_US + round(at * SECOND)}
    some.sent.append({**event, "user_id": "ann", "product_id": "tea", "amount": 4.0})


def restart(some: Crew) -> None:
    for mate in list(some.mates):
        some.fire(mate)
    some.hire()
    some.settle()


def compact(some: Crew) -> int:
    """Join the archive's files; how many."""
    folder = some.topic.archive.folder
    return (
        Compaction(
            folder, now_us=some.wall_us, target_bytes=2**20, grace=timedelta(0), sort_by="event_timestamp"
        )
        .run()
        .joined
    )


def test_files_that_a_snapshot_holds_may_be_joined_into_one() -> None:
    """Rows are told apart by offset, whatever file they lie in; those of loaded files by the names, which stay."""
    with crew() as some:
        some.hire()
        for n in range(4):
            orders_of(some, 10, first=10 * n)
            some.settle()
            some.now.seconds += 2
        some.rest()
        load(some, 500, some.now.seconds - 1.0)
        some.kill(some.mates[0])
        assert list((some.folder / "snapshots").iterdir())
        assert compact(some) > 1
        some.hire()
        some.settle()
        assert some.differences() == []
        compact(some)
        restart(some)
        assert some.differences() == []


def test_a_topic_that_was_made_anew_counts_beside_its_former_life() -> None:
    """Its offsets begin at zero again, below those in the archive; restarts with and without snapshots count both lives once."""
    with crew() as some:
        some.hire()
        orders_of(some, 40)
        some.settle()
        some.fire(some.mates[0])
        before = some.archived()
        some.broker.log = {place: [] for place in some.broker.log}
        some.broker.born += 1
        orders_of(some, 12, first=100)
        for _ in range(3):
            restart(some)
            assert some.differences() == []
            orders_of(some, 3, first=200)
            some.now.seconds += 1
            some.settle()
            some.now.seconds += 2
            some.settle()
        assert some.differences() == []
        assert some.archived() == sorted(before + some.everything_sent())


def test_commits_that_were_lost_are_made_up_for_by_the_archive() -> None:
    """Everything is read again and nothing is archived or counted twice."""
    with crew() as some:
        some.hire()
        orders_of(some, 20)
        some.settle()
        some.now.seconds += 2
        some.settle()
        some.kill(some.mates[0])
        some.broker.commits = {}
        orders_of(some, 5, first=50)
        some.hire()
        some.settle()
        restart(some)
        assert_all_is_right(some)


def test_a_lead_that_was_silent_for_long_asks_before_it_archives() -> None:
    """Frozen while others took over: what it holds is theirs to archive."""
    with crew() as some:
        mate = some.hire()
        orders_of(some, 5)
        mate.turn()
        mate.turn()
        mate.consumer.is_known = False
        some.now.seconds += 60
        mate.worker._make_durable()
        assert some.archived() == []


def test_a_worker_without_parts_stands_by() -> None:
    """It does nothing and is healthy."""
    with crew() as some:
        first, second = some.hire(), some.hire()
        some.group.move(frozenset(range(PARTS)), first.consumer)
        second.turn()
        assert second.worker._parts.status.phase is Phase.STANDBY
