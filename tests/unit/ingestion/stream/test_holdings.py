from pathlib import Path

import pytest

from ingestion.stream.group import StateGroup
from ingestion.stream.holdings import beginnings, tell
from ingestion.stream.offsets import Reason, Start
from tests.unit.ingestion.stream.shop import orders_topic


def group(root: Path, positions: dict[int, int]) -> StateGroup:
    return StateGroup(orders_topic(root), {}, positions)


def test_reading_begins_where_the_first_one_needs_it(tmp_path: Path) -> None:
    """The lead needs partition 0 from 5 on, units need it from 3 on and partition 1 from 9 on."""
    starts = {("orders", 0): Start(5, Reason.COMMITTED), ("orders", 1): Start(9, Reason.COMMITTED)}
    groups = [group(tmp_path, {0: 3, 1: 9}), group(tmp_path, {0: 4, 1: 12})]
    assert beginnings({}, starts, groups) == {("orders", 0): 3, ("orders", 1): 9}


def test_what_is_being_read_goes_back_for_the_lead_only(tmp_path: Path) -> None:
    """Units behind the stream catch up beside it, so that the others do not wait."""
    reading = {("orders", 0): 8, ("orders", 1): 8}
    starts = {("orders", 0): Start(6, Reason.ARCHIVED), ("orders", 1): Start(9, Reason.ARCHIVED)}
    assert beginnings(reading, starts, [group(tmp_path, {0: 1, 1: 1})]) == {("orders", 0): 6}
    assert beginnings(reading, {}, [group(tmp_path, {0: 1, 1: 1})]) == {}


def test_messages_that_nobody_read_in_time_are_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """With how many they were."""
    tell({("orders", 0): Start(6, Reason.COMMITTED, lost=4)})
    assert caplog.records[0].levelname == "ERROR"
    assert caplog.records[0].fields["lost"] == 4  # type: ignore[attr-defined]
