"""The one rule of batching; what needs a broker is tested with one."""

from dataclasses import dataclass, field

import pytest

from connections.kafka import Kafka
from ingestion.stream.consumer import EventConsumer
from ingestion.stream.fakes import FakeMessage


@dataclass
class Queue:
    """Stands for the client: messages that came in by now, and what it was asked for."""

    waiting: int = 0
    asked: list[tuple[int, float]] = field(default_factory=list)

    def consume(self, most: int, seconds: float) -> list[FakeMessage]:
        self.asked.append((most, seconds))
        taken, self.waiting = min(most, self.waiting), self.waiting - min(most, self.waiting)
        return [Message("orders", b"", n) for n in range(taken)]


class Message(FakeMessage):
    def error(self) -> None:
        return None


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def consumer(queue: Queue) -> EventConsumer:
    made = EventConsumer(
        Kafka("127.0.0.1:1"), "group", "parts", instance=None, session_seconds=6, fetch_milliseconds=15
    )
    made._consumer.close()
    made._consumer = queue
    return made


def read(consumer: EventConsumer, queue: Queue, came_in: int) -> tuple[int, list[tuple[int, float]]]:
    queue.waiting += came_in
    queue.asked.clear()
    return len(consumer.read(1000, 0.05, 0.02)), list(queue.asked)


def test_small_batches_wait_a_little_for_more(consumer: EventConsumer, queue: Queue) -> None:
    """One message, then 20 ms for others; none at all: nothing but the first wait."""
    assert read(consumer, queue, 3) == (3, [(1, 0.05), (999, 0.02)])
    assert read(consumer, queue, 0) == (0, [(1, 0.05)])


def test_behind_a_large_batch_the_next_is_what_has_come_in(consumer: EventConsumer, queue: Queue) -> None:
    """Nothing is waited for while there is something; a pause in the stream is waited out as ever."""
    read(consumer, queue, 700)
    assert read(consumer, queue, 600) == (600, [(1000, 0.0)])
    assert read(consumer, queue, 0) == (0, [(1000, 0.0), (1, 0.05)])
    assert read(consumer, queue, 2) == (2, [(1, 0.05), (999, 0.02)])


def test_a_batch_is_bounded(consumer: EventConsumer, queue: Queue) -> None:
    """What is left comes with the next one."""
    assert [read(consumer, queue, 2500)[0], read(consumer, queue, 0)[0], read(consumer, queue, 0)[0]] == [
        1000,
        1000,
        500,
    ]
