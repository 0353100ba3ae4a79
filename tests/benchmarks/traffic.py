"""Traffic of the simulated shop for the stream benchmark: orders and page views, with what goes wrong among them."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl
from confluent_kafka import Producer

from ingestion.events.contract import Contract
from ingestion.events.simulator.config import ShopConfig
from ingestion.events.simulator.live import LiveEvent
from ingestion.events.simulator.shop import Shop
from ingestion.stores.redis_online import keys
from tests.benchmarks.probe import Sample

TOPICS = ("orders", "page_views")
PROMPT_US = 2_000
"""An event that is sent so soon after it happened is neither late nor out of order nor repeated."""


@dataclass(frozen=True)
class Traffic:
    """Messages in the order of their arrival, and the contracts they should keep."""

    messages: Sequence[LiveEvent]
    contracts: dict[str, Contract]

    @classmethod
    def drawn(
        cls, shop: Shop, start: datetime, seconds: float, per_second: float, contracts: dict[str, Contract]
    ) -> "Traffic":
        """What the shop sends from `start` (aware) on; chargebacks are left out."""
        live = shop.live(start, timedelta(seconds=seconds), per_second)
        return cls([event for event in live if event.topic in TOPICS], contracts)

    def valid(self) -> dict[str, pl.DataFrame]:
        """Rows that keep their contract by topic, repeated ones included, in order of arrival."""
        by_topic = {topic: [event for event in self.messages if event.topic == topic] for topic in TOPICS}
        return {
            topic: self.contracts[topic]
            .decode([e.payload for e in events], [e.arrival_us for e in events])
            .frame
            for topic, events in by_topic.items()
        }

    def only_valid(self, most: int) -> "Traffic":
        """The first `most` messages that keep their contract."""
        readable = (event for event in self.messages if self._row(event) is not None)
        return Traffic([event for event, _ in zip(readable, range(most), strict=False)], self.contracts)

    def samples(self, per_second: float, project: str) -> Iterator[Sample]:
        """So many of the prompt events, each with where its user's row is stored."""
        due_us = 0.0
        for event in self.messages:
            row = self._row(event) if event.arrival_us >= due_us else None
            if row is None or event.arrival_us - row["event_timestamp"].timestamp() * 1e6 > PROMPT_US:
                continue
            due_us = event.arrival_us + 1e6 / per_second
            key = keys.prefix(["user_id"]) + keys.part(row["user_id"], "STRING") + project.encode()
            event_us = round(row["event_timestamp"].timestamp() * 1e6)
            view = "user_orders" if event.topic == "orders" else "user_views"
            yield Sample(event.arrival_us, event_us, key, f"_ts:{view}".encode())

    def _row(self, event: LiveEvent) -> dict[str, datetime] | None:
        decoded = self.contracts[event.topic].decode([event.payload], [event.arrival_us])
        return decoded.frame.row(0, named=True) if decoded.positions else None


def shop() -> Shop:
    """The world that all traffic comes from."""
    return Shop(ShopConfig(present=datetime.now(UTC)))


def send(bootstrap: str, events: Iterable[LiveEvent], *, prefix: str = "", paced: bool = False) -> None:
    """Send to the topics of these names behind the prefix; paced: each when it is due.

    Raises:
        RuntimeError: the broker did not take them all.
    """
    producer = Producer(
        {"bootstrap.servers": bootstrap, "linger.ms": 2, "queue.buffering.max.messages": 1_000_000}
    )
    for event in events:
        ahead = event.arrival_us / 1e6 - time.time()
        if paced and ahead > 0.002:
            producer.poll(0)
            time.sleep(ahead)
        producer.produce(prefix + event.topic, event.payload, event.key)
    if left := producer.flush(60):
        raise RuntimeError(f"the broker did not take {left} messages")
