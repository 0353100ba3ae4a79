"""Windows without somebody who was erased, for workers that come, go and die."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from ingestion.stream.acknowledging import missing
from tests.unit.ingestion.stream.crew import Crew, Mate, crew
from tests.unit.ingestion.stream.shop import order


@pytest.fixture(params=[1, 2])
def team(request: pytest.FixtureRequest) -> Iterator[Crew]:
    """Orders of ann and bob, archived and saved; the order of jam is hers alone."""
    with crew(shares=request.param) as team:
        team.hire()
        for number, (user, product) in enumerate(
            [("ann", "tea"), ("bob", "tea"), ("ann", "jam"), ("bob", "oil"), ("ann", "tea")]
        ):
            team.send(number, 20 - number, user, product, 1.0 + number)
        team.settle()
        team.rest()
        yield team


def erase(team: Crew, person: str) -> None:
    """As the program that erases begins; workers see it when they look again."""
    mates = [mate.worker._parts.erasures for mate in team.mates]
    mates[0].bury(person, team.wall_us())
    team.sent[:] = [event for event in team.sent if event["user_id"] != person]
    team.apply(replace(team.topic, erased=mates[0].tombstones()))


def work(team: Crew) -> None:
    for _ in range(3):
        team.now.seconds += 1
        team.settle()


def unacknowledged(team: Crew, mate: Mate) -> list[str]:
    erasures = mate.worker._parts.erasures
    return missing(erasures.acknowledged(), team.settings.stream_group, [team.topic])


def stored(team: Crew, view: str) -> set[str]:
    return {key for (key,) in team.sink.stored[view]}


def test_windows_of_products_are_without_their_orders(team: Crew) -> None:
    """Rows of tea are corrected though their clock goes back, the row of jam is gone, and the worker says so."""
    (mate,) = team.mates
    erase(team, "ann")
    assert unacknowledged(team, mate) == ["user_orders", "product_orders"]
    work(team)
    assert team.differences() == []
    assert (stored(team, "user_orders"), stored(team, "product_orders")) == ({"bob"}, {"tea", "oil"})
    work(team)
    assert unacknowledged(team, mate) == []


def test_late_orders_stay_out_and_new_ones_count(team: Crew) -> None:
    """The late one is counted, and neither archived nor in a window."""
    erase(team, "ann")
    work(team)
    archived = len(team.archived())
    late = order(90, team.now.seconds - 15, "ann", "oil", 99.0)
    team.broker.send(("orders", 0), late, team.wall_us() // 1000)
    team.send(91, 0, "ann", "oil", 2.0)
    team.settle()
    team.rest()
    assert team.differences() == []
    assert len(team.archived()) == archived + 1
    metrics = team.mates[0].worker._parts.status.metrics
    assert metrics.registry.get_sample_value("shop_stream_events_erased_total", {"topic": "orders"}) == 1


def test_snapshots_of_before_are_not_used(team: Crew) -> None:
    """A worker that dies before it has heard of it, and one that begins after: the archive tells what to correct."""
    (mate,) = team.mates
    team.kill(mate)
    team.mates.append(mate)
    erase(team, "ann")
    team.mates.remove(mate)
    fresh = team.hire()
    work(team)
    work(team)
    assert team.differences() == []
    assert stored(team, "product_orders") == {"tea", "oil"}
    assert unacknowledged(team, fresh) == []


def test_a_worker_that_dies_in_between_is_followed_by_one_that_goes_on(team: Crew) -> None:
    """Whatever was removed or pushed by then."""
    (mate,) = team.mates
    erase(team, "ann")
    for _ in range(4):
        team.now.seconds += 0.6
        mate.turn()
    team.kill(mate)
    team.hire()
    work(team)
    work(team)
    assert team.differences() == []
    assert (stored(team, "user_orders"), stored(team, "product_orders")) == ({"bob"}, {"tea", "oil"})


def test_snapshots_after_it_are_used(team: Crew) -> None:
    """They hold nothing of hers; rows of others stay where they are."""
    erase(team, "ann")
    work(team)
    team.rest()
    (mate,) = team.mates
    team.fire(mate)
    team.sink.pushed.clear()
    team.hire()
    work(team)
    assert team.differences() == []
    assert all(rows < 2 for _, rows in team.sink.pushed), team.sink.pushed
