"""When tasks are due.

seconds   0    10   20   30   40
a (10)    x    x    x    x    x
b (25)    x              x (at 25)
"""

from expectations.watch.schedule import Schedule


def test_at_first_all_are_due_in_their_order() -> None:
    """Nothing is waited for before the first measurement."""
    schedule = Schedule({"a": 10, "b": 25}, 0)
    assert schedule.next() == ("a", 0)
    schedule.began("a", 0)
    assert schedule.next() == ("b", 0)


def test_each_comes_again_after_its_own_interval() -> None:
    """From when it began."""
    schedule = Schedule({"a": 10, "b": 25}, 0)
    order = []
    now = 0.0
    while now < 30:
        task, due = schedule.next()
        now = max(now, due)
        order.append((now, task))
        schedule.began(task, now)
    assert order == [(0, "a"), (0, "b"), (10, "a"), (20, "a"), (25, "b"), (30, "a")]


def test_a_task_that_takes_long_does_not_keep_others_from_their_turn() -> None:
    """The one that waits longest is next; turns that passed are not made up for."""
    schedule = Schedule({"a": 10, "b": 25}, 0)
    schedule.began("a", 0)
    schedule.began("b", 0)
    assert schedule.next() == ("a", 10)
    schedule.began("a", 50)
    assert schedule.next() == ("b", 25)
    schedule.began("b", 55)
    assert schedule.next() == ("a", 60)
