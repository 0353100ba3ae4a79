"""What a running worker makes of definitions that have changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from ingestion.stream.catalogue import EventTopic
from ingestion.stream.definitions import Refresher, brought_up_to_date
from ingestion.stream.fake_kafka import ManualThreads
from ingestion.stream.fakes import ManualClock
from tests.unit.ingestion.stream.shop import orders_topic, spec


@pytest.fixture
def topic(tmp_path: Path) -> EventTopic:
    return replace(orders_topic(tmp_path), definition="events")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_views_are_taken_over_and_told(topic: EventTopic, caplog: pytest.LogCaptureFixture) -> None:
    """One is new, one is gone, one is changed, one stays; the topic itself is the one that runs."""
    caplog.set_level("INFO")
    kept, changed, new = spec("kept", "user_id"), spec("changed", "user_id"), spec("new", "user_id")
    current = replace(topic, specs=(kept, changed, spec("gone", "user_id")))
    registered = replace(topic, specs=(kept, replace(changed, join_keys=("product_id",)), new))
    (updated,) = brought_up_to_date([current], [registered])
    assert updated.specs == registered.specs
    assert updated.archive is current.archive
    assert said(caplog) == ["view changed", "view gone", "view new"]


def test_what_needs_a_restart_is_said(topic: EventTopic, caplog: pytest.LogCaptureFixture) -> None:
    """A new topic, and events that are defined anew: their views stay as they were."""
    registered = [replace(topic, definition="other events", specs=()), replace(topic, name="new")]
    assert brought_up_to_date([topic], registered) == (topic,)
    assert "defined anew: restart the worker" in said(caplog)[1]
    assert "read after a restart" in said(caplog)[0]


def test_a_topic_that_is_gone_has_no_views(topic: EventTopic, caplog: pytest.LogCaptureFixture) -> None:
    """Its events are archived until the worker is restarted."""
    (updated,) = brought_up_to_date([topic], [])
    assert updated.specs == ()
    assert "until the worker is restarted" in said(caplog)[0]


def test_the_registry_is_read_beside_the_stream_and_in_its_time(topic: EventTopic) -> None:
    """Every ten seconds, never twice at once; each change is told once."""
    now, threads, changes = ManualClock(), ManualThreads(), [[topic], None]
    refresher = Refresher(lambda: changes.pop(0), threads, 10, now)
    assert (refresher.step(), threads.work()) == (None, 0)
    now.seconds = 10
    assert (refresher.step(), refresher.step(), threads.work()) == (None, None, 1)
    assert (refresher.step(), refresher.step()) == ([topic], None)
    now.seconds = 20
    assert (refresher.step(), threads.work(), refresher.step(), changes) == (None, 1, None, [])


def test_a_registry_that_cannot_be_read_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is wrong with it: the worker goes on with what it has, and says so."""

    def read() -> None:
        raise RuntimeError("half a file")

    now, threads = ManualClock(), ManualThreads()
    refresher = Refresher(read, threads, 10, now)
    now.seconds = 10
    refresher.step()
    threads.work()
    assert refresher.step() is None
    assert said(caplog) == ["the definitions stay as they were"]
