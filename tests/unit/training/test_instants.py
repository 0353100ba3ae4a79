"""When something could have been recommended, on small courses of events."""

from datetime import UTC, datetime, timedelta

import polars as pl

from training.instants import (
    browsing_instants,
    held_out_users,
    next_orders,
    session_starts,
    with_anchors,
    with_orders,
)
from training.split import Window

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = Window(NOON, NOON + timedelta(hours=1))
TICK = timedelta(microseconds=1)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def views(*rows: tuple[str, str, float, float]) -> pl.DataFrame:
    """Rows of (customer, product, minute at which it happened, minute at which it arrived)."""
    return pl.DataFrame(
        {
            "view_id": [f"v{i}" for i in range(len(rows))],
            "user_id": [row[0] for row in rows],
            "product_id": [row[1] for row in rows],
            "event_timestamp": [at(row[2]) for row in rows],
            "arrival_timestamp": [at(row[3]) for row in rows],
        }
    ).cast({"event_timestamp": pl.Datetime("us", "UTC"), "arrival_timestamp": pl.Datetime("us", "UTC")})


def orders(*rows: tuple[str, str, float]) -> pl.DataFrame:
    """Rows of (customer, product, minute)."""
    return views(*((*row, row[2]) for row in rows)).drop("view_id", "arrival_timestamp")


def test_an_instant_lies_just_behind_the_arrival_of_a_view() -> None:
    """What happened in the window and arrived behind it is not known in it."""
    seen = views(("u", "a", 1, 2), ("u", "b", 59, 60), ("v", "c", -1, 0))
    instants = browsing_instants(seen, HOUR, 10, seed=1)
    assert instants.select("user_id", "anchor", "event_timestamp").rows() == [
        ("v", "c", at(0) + TICK),
        ("u", "a", at(2) + TICK),
    ]


def test_the_same_seed_draws_the_same_instants() -> None:
    """Whatever the order of the views."""
    seen = views(*((f"u{i}", "a", i / 10, i / 10) for i in range(500)))
    shuffled = seen.sample(fraction=1, shuffle=True, seed=3)
    drawn = browsing_instants(seen, HOUR, 20, seed=1)
    assert drawn.height == 20
    assert drawn.equals(browsing_instants(shuffled, HOUR, 20, seed=1))
    assert not drawn.equals(browsing_instants(seen, HOUR, 20, seed=2))


def test_an_answer_is_an_order_of_that_product_within_the_horizon() -> None:
    """|instant 0 ... horizon 30): at 0 and 29 it counts, at 30, before, of others and by others it does not."""
    rows = pl.DataFrame(
        {"user_id": list("uuuuv"), "product_id": list("abcda"), "event_timestamp": [at(0)] * 5}
    ).cast({"event_timestamp": pl.Datetime("us", "UTC")})
    bought = orders(("u", "a", 0), ("u", "b", 29), ("u", "c", 30), ("u", "d", -1))
    answered = with_orders(rows, bought, timedelta(minutes=30))
    assert answered["ordered"].to_list() == [1, 1, 0, 0, 0]


def test_rows_keep_their_order() -> None:
    """Later instants first, here."""
    rows = pl.DataFrame(
        {"user_id": ["u", "u"], "product_id": ["a", "a"], "event_timestamp": [at(9), at(0)]}
    ).cast({"event_timestamp": pl.Datetime("us", "UTC")})
    answered = with_orders(rows, orders(("u", "a", 5)), timedelta(hours=1))
    assert answered["ordered"].to_list() == [0, 1]


def test_the_next_order_is_the_first_in_the_window_of_each_customer() -> None:
    """Only of those asked for."""
    bought = orders(("u", "early", -1), ("u", "first", 1), ("u", "second", 2), ("v", "other", 1))
    chosen = next_orders(bought, {"u"}, HOUR, 10, seed=1)
    assert chosen.select("user_id", "target", "ordered_at").rows() == [("u", "first", at(1))]


def test_a_session_starts_behind_a_pause() -> None:
    """Views at -90, 0, 20, 45, order at 50, pause 30: the session starts at 0 and is known when that view arrived."""
    seen = views(("u", "x", -90, -90), ("u", "a", 0, 3), ("u", "b", 20, 20), ("u", "c", 45, 45))
    chosen = next_orders(orders(("u", "c", 50)), {"u"}, HOUR, 1, seed=1)
    found = session_starts(chosen, seen, timedelta(minutes=30))
    assert found.select("session_start", "start_known").row(0) == (at(0), at(3) + TICK)


def test_an_order_without_a_view_starts_its_own_session() -> None:
    """The last view is longer ago than the pause."""
    chosen = next_orders(orders(("u", "c", 50)), {"u"}, HOUR, 1, seed=1)
    found = session_starts(chosen, views(("u", "x", 0, 0)), timedelta(minutes=30))
    assert found.select("session_start", "start_known").row(0) == (at(50), at(50))


def test_an_anchor_is_the_view_that_arrived_last() -> None:
    """A view that is under way is not known, nor one at the instant itself; after a day there is no anchor."""
    seen = views(("u", "a", 0, 1), ("u", "b", 2, 5))
    instants = pl.DataFrame(
        {"instant": range(4), "user_id": ["u"] * 4, "event_timestamp": [at(3), at(5), at(6), at(1500)]}
    ).cast({"event_timestamp": pl.Datetime("us", "UTC")})
    assert with_anchors(instants, seen)["anchor"].to_list() == ["a", "a", "b", None]


def test_customers_are_held_out_by_share_and_seed() -> None:
    """Whatever they did and in whatever order they come."""
    users = pl.Series([f"u{i}" for i in range(2_000)])
    held_out = held_out_users(users, 0.25, 7)
    assert 420 < len(held_out) < 580
    assert held_out == held_out_users(users.reverse(), 0.25, 7)
