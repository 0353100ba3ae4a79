from pathlib import Path

import polars as pl
import pytest

from ingestion.stream.archived import Archived
from ingestion.stream.decoding import decode
from ingestion.stream.fakes import FakeMessage
from ingestion.stream.group import StateGroup, joined
from ingestion.stream.messages import by_topic
from ingestion.stream.units import PARTS, units_of
from tests.unit.ingestion.stream.shop import message, order, orders_topic


@pytest.fixture
def groups(tmp_path: Path) -> list[StateGroup]:
    """Two groups of one topic, one unit each."""
    topic = orders_topic(tmp_path)
    works = units_of([topic], 1, frozenset(range(PARTS)))
    return [StateGroup.fresh(topic, {unit: work.spec}) for unit, work in works.items()]


def read(group: StateGroup, *messages: FakeMessage) -> list[str]:
    """Ids of the events that counted."""
    batch = by_topic(messages)[0]
    rows = decode(batch, group.topic.contract).rows
    ends = {number: offset for (_, number), offset in batch.next_offsets().items()}
    return group.take_in(rows, ends).events["order_id"].to_list()


def test_what_was_taken_in_before_is_left_out(groups: list[StateGroup]) -> None:
    """Offsets 0 and 1 come up again with 2, after the place was looked up anew."""
    first, second, third = (message(n, order(n, n), seconds=n) for n in range(3))
    assert read(groups[0], first, second) == ["o0", "o1"]
    assert read(groups[0], first, second, third) == ["o2"]
    assert groups[0].positions == {0: 3}


def test_groups_at_the_same_positions_become_one(groups: list[StateGroup]) -> None:
    """The first one's filter stays, as it knows what the other one's knows; before that they are two."""
    first, second = groups
    read(first, message(0, order(1, 0)))
    assert joined(groups) == [first, second]
    read(second, message(0, order(1, 0)))
    assert joined(groups) == [first]
    assert [unit.view for unit in first.units] == ["user_orders", "product_orders"]
    assert read(first, message(1, order(1, 0), seconds=1)) == []


def test_a_group_that_skips_archived_messages_is_told_apart_until_it_is_done(
    groups: list[StateGroup],
) -> None:
    """Its positions alone do not tell what it has taken in."""
    rows = decode(by_topic([message(0, order(1, 0))])[0], groups[0].topic.contract).rows
    groups[1].archived = Archived(rows.select("_partition", "_offset", "arrival_timestamp"))
    assert not groups[1].is_settled
    assert len(joined(groups)) == 2
    assert [read(group, message(0, order(1, 0))) for group in groups] == [["o1"], []]
    assert groups[1].is_settled
    assert len(joined(groups)) == 1


def test_groups_without_units_are_gone(groups: list[StateGroup]) -> None:
    """As their parts went to another worker."""
    groups[0].drop(lambda _: True)
    assert joined(groups) == [groups[1]]


def test_rows_that_wait_are_not_pushed_at_once(groups: list[StateGroup]) -> None:
    """Of what is read beside the stream, in whatever amount."""
    rows = decode(by_topic([message(0, order(1, 0))])[0], groups[0].topic.contract).rows
    groups[0].take_in(rows, {0: 1}, waits=True)
    (state,) = groups[0].units.values()
    assert (list(groups[0].take_changed()), state.executor.waiting) == ([], 1)
    assert isinstance(state.executor.take_waiting(1), pl.DataFrame)
