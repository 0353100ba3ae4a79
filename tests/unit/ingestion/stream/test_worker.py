"""Whatever happens to whichever worker between two batches: in the end every row is the oracle's, every event archived once."""

from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion.stream.units import PARTS
from tests.unit.ingestion.stream.crew import Crew, crew, with_view
from tests.unit.ingestion.stream.shop import spec

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
    elif mate is not None and kind == "turn":
        mate.turn()
    elif mate is not None and kind == "loop":
        mate.worker.turn()
    elif mate is not None and kind == "work":
        mate.threads.work()
    elif mate is not None and kind == "move":
        crew.group.move(frozenset(step[2]), mate.consumer)
    elif mate is not None and kind == "kill":
        crew.kill(mate)
    elif mate is not None and kind == "fire":
        crew.fire(mate)


def assert_all_is_right(crew: Crew) -> None:
    if not crew.mates:
        crew.hire()
    crew.settle()
    crew.now.seconds += 5
    crew.settle()
    assert crew.differences() == []
    assert crew.archived() == crew.everything_sent()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=5, max_size=40), st.sampled_from([1, 3]))
def test_any_history_of_workers_ends_with_the_oracle_s_rows(history: list[Any], shares: int) -> None:
    """Batches, hand-overs, kills, stops, snapshots and a store started again, in any order; repeats and late events."""
    with crew(shares) as some:
        some.hire()
        for step in history:
            take(some, step)
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
    row = {"id": f"o{number}", "at": at, "user_id": "ann", "product_id": "tea", "amount": 4.0}
    frame = some.topic.archive.scan(None, None).collect().head(1)
    from datetime import timedelta

    import polars as pl

    from tests.unit.ingestion.stream.shop import DAY, DAY_US, SECOND

    instant = DAY + timedelta(seconds=at)
    time = pl.lit(instant).cast(pl.Datetime("us", "UTC"))
    some.topic.archive.write(
        frame.with_columns(
            time.alias("event_timestamp"),
            time.alias("arrival_timestamp"),
            pl.lit(row["id"]).alias("order_id"),
            pl.lit("ann").alias("user_id"),
            pl.lit("tea").alias("product_id"),
            pl.lit(4.0).alias("amount"),
            pl.lit(None, pl.String).alias("_topic"),
            pl.lit(None, pl.Int32).alias("_partition"),
            pl.lit(None, pl.Int64).alias("_offset"),
        )
    )
    some.sent.append({**row, "arrival": DAY_US + round(at * SECOND)})
