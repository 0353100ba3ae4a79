"""Sends the load live, beside the test; a broker that is away is waited for, and no acknowledged message is lost."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

from confluent_kafka import Producer

from tests.chaos.load import Load, Sent

TICK_SECONDS = 0.02
PATIENCE_SECONDS = 120


class Feeder:
    """A thread that sends until it is told to stop.

    Attributes:
        is_paused: Whether it rests.
        sent: How many messages it has sent.
        refused: Why the broker did not take some.

    Args:
        bootstrap: Address of the broker.
        load: What is sent.
        per_second: Messages per second; now and then ten times as many for a moment.
    """

    def __init__(self, bootstrap: str, load: Load, per_second: int) -> None:
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "linger.ms": 2,
                "enable.idempotence": True,
                "max.in.flight.requests.per.connection": 1,
                "delivery.timeout.ms": PATIENCE_SECONDS * 1000,
                "reconnect.backoff.max.ms": 500,
                "log_level": 0,
            }
        )
        self._load = load
        self._per_tick = round(per_second * TICK_SECONDS)
        self._stop, self._gate = Event(), Lock()
        self._thread = Thread(target=self._send_all, name="feeder", daemon=True)
        self.is_paused = False
        self.sent = 0
        self.refused: list[str] = []

    def start(self) -> None:
        self._thread.start()

    def pause(self) -> None:
        """Returns once the broker has everything."""
        if not self.is_paused:
            self._gate.acquire()
            self.is_paused = True
        self.flush()

    def resume(self) -> None:
        if self.is_paused:
            self.is_paused = False
            self._gate.release()

    def flush(self) -> None:
        waiting = self._producer.flush(PATIENCE_SECONDS)
        assert not waiting, f"{waiting} messages were not acknowledged"
        assert not self.refused, self.refused[:3]

    def stop(self) -> None:
        self._stop.set()
        self.resume()
        self._thread.join()

    def send(self, sent: Sent) -> None:
        while True:
            try:
                self._producer.produce(sent.topic, sent.value, sent.key, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)
        self.sent += 1
        self._producer.poll(0)

    def _send_all(self) -> None:
        ticks, due = 0, time.monotonic()
        while not self._stop.is_set():
            ticks += 1
            is_burst = ticks % 250 < 10  # for 0.2 s of every 5
            with self._gate:
                for sent in self._load.draw(time.time_ns() // 1000, self._per_tick * (10 if is_burst else 1)):
                    self.send(sent)
            due = max(due + TICK_SECONDS, time.monotonic() - 1)
            self._stop.wait(max(0.0, due - time.monotonic()))

    def _delivered(self, error: object, _message: object) -> None:
        if error is not None:
            self.refused.append(str(error))


@contextmanager
def feeding(bootstrap: str, load: Load, per_second: int) -> Iterator[Feeder]:
    """Sends inside the `with`."""
    feeder = Feeder(bootstrap, load, per_second)
    feeder.start()
    try:
        yield feeder
    finally:
        feeder.stop()
