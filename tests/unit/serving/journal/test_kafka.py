"""The journal while no broker answers."""

from collections import deque
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from connections.kafka import Kafka
from infra.services.ports import LOOPBACK, free_port
from serving.journal.counts import Counts
from serving.journal.kafka import KafkaJournal
from tests.predictions_made import served

Turns = deque[Callable[[], None]]


class Log:
    """A journal of at most so many, whose event loop turns by hand."""

    def __init__(self, most: int) -> None:
        self.registry = CollectorRegistry()
        self.turns: Turns = deque()
        address = f"{LOOPBACK}:{free_port()}"
        counts = Counts(self.registry)
        self.journal = KafkaJournal(
            Kafka(address), "predictions", most=most, counts=counts, call_soon=self.turns.append
        )

    def turn(self) -> None:
        """Until nothing is left to do."""
        while self.turns:
            self.turns.popleft()()

    def counted(self, outcome: str) -> float | None:
        return self.registry.get_sample_value("shop_api_predictions_logged_total", {"outcome": outcome})


def test_more_than_the_buffer_takes_is_shed() -> None:
    """Whether they wait for their encoding or for the broker."""
    log = Log(most=10)
    for number in range(6):
        log.journal.record(served(f"r{number}"))
    log.turn()
    for number in range(6):
        log.journal.record(served(f"s{number}"))
    assert (len(log.journal), log.counted("shed")) == (10, 2)


def test_nothing_is_encoded_before_the_loop_turns() -> None:
    """What cannot be encoded is noticed then, counted, and raises nowhere."""
    log = Log(most=10)
    log.journal.record(served(features={"odd": object()}))
    log.journal.record(served(row={}))
    assert log.counted("failed") == 0
    log.turn()
    assert (log.counted("failed"), len(log.journal)) == (2, 0)


def test_a_large_batch_takes_many_short_turns() -> None:
    """Other requests go on in between."""
    log = Log(most=1000)
    for number in range(100):
        log.journal.record(served(f"r{number}"))
    turns = 0
    while log.turns:
        log.turns.popleft()()
        turns += 1
        assert len(log.turns) <= 1
    assert turns == 7


def test_what_was_not_acknowledged_at_the_end_is_given_up_and_counted() -> None:
    """Also what was not encoded yet."""
    log = Log(most=100)
    for number in range(5):
        log.journal.record(served(f"r{number}"))
    log.turn()
    log.journal.record(served("last"))
    assert log.journal.flush(0.05) == 6
    assert (log.counted("failed"), log.counted("acknowledged"), len(log.journal)) == (6, 0, 0)


def test_a_trouble_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Not once for each of a thousand predictions."""
    log = Log(most=100)
    for number in range(50):
        log.journal.record(served(f"r{number}", features={"odd": object()}))
    log.turn()
    told = [record for record in caplog.records if "could not be logged" in record.message]
    assert len(told) == 1
    assert "'r0'" in told[0].message
