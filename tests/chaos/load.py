"""What customers send during the storm, drawn by a seed: in order and out of it, repeated, late, tied, at boundaries, broken."""

import json
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from tests.chaos.shop import CHARGEBACKS, ORDERS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
REMEMBERED = 40_000
"""Messages that may be sent again: those of some minutes, so across restarts, and when their ids are forgotten, too."""


@dataclass(frozen=True)
class Sent:
    """One message; of the same key all go to one partition.

    Attributes:
        topic: Where it goes.
        key: Kafka's key.
        fields: What it says; None: it is broken.
        value: Its bytes; None: a tombstone.
    """

    topic: str
    key: str
    fields: dict[str, Any] | None
    value: bytes | None

    @classmethod
    def of(cls, topic: str, key: str, fields: dict[str, Any]) -> "Sent":
        """A message that keeps its contract."""
        return cls(topic, key, fields, json.dumps(fields).encode())


@dataclass
class Load:
    """Draws messages; the same seed and the same instants give the same ones.

    Attributes:
        seed: Of everything that is drawn.
        broken: Values that break their contract, among all that were drawn.
    """

    seed: int
    broken: set[bytes | None] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)
        self._ids = count()
        self._past: deque[Sent] = deque(maxlen=REMEMBERED)
        self._plain: deque[Sent] = deque(maxlen=500)

    def draw(self, now_us: int, messages: int) -> Iterator[Sent]:
        """Messages as they are sent at an instant, microseconds since the Unix epoch."""
        kinds: dict[Callable[[int], Sent], int] = {
            self._order: 66,
            self._chargeback: 14,
            self._again: 8,
            self._broken: 4,
            self._tied: 3,
            self._elsewhere: 2,
            self._contradiction: 1,
        }
        for kind in self._random.choices(list(kinds), list(kinds.values()), k=messages):
            sent = kind(now_us)
            self._past.append(sent)
            yield sent

    def _order(self, now_us: int) -> Sent:
        # A few customers order all the time; most once: what becomes stale in theirs stays so.
        user = self._random.randrange(20) if self._random.random() < 0.6 else self._random.randrange(3_000)
        is_plain = self._random.random() < 0.6
        time_us = now_us - self._random.randrange(2_000, 60_000) if is_plain else self._odd_time(now_us)
        sent = self._new_order(f"user_{user}", time_us)
        if is_plain:
            self._plain.append(sent)
        return sent

    def _new_order(self, user: str, time_us: int) -> Sent:
        fields = {
            "order_id": f"o{self.seed}_{next(self._ids)}",
            "event_timestamp": stamp(time_us),
            "user_id": user,
            "card_id": f"{user}_card_{self._random.randrange(2)}",
            "product_id": f"product_{self._random.randrange(60)}",
            "amount": self._amount(),
        }
        return Sent.of(ORDERS, user, fields)

    def _chargeback(self, now_us: int) -> Sent:
        product = f"product_{self._random.randrange(60)}"
        fields = {
            "chargeback_id": f"c{self.seed}_{next(self._ids)}",
            "event_timestamp": stamp(self._odd_time(now_us)),
            "product_id": product,
            "order_id": f"o{self._random.randrange(50)}",
            "amount": self._amount(),
        }
        return Sent.of(CHARGEBACKS, product, fields)

    def _odd_time(self, now_us: int) -> int:
        """Out of order; late; older than the short windows, or than all of them, of another day, too; at a boundary; ahead."""
        boundary = now_us // SECOND * SECOND
        drawn = {
            now_us - self._random.randrange(2 * SECOND): 30,
            now_us - self._random.randrange(20 * SECOND): 20,
            now_us - self._random.randrange(3_000 * SECOND): 8,
            now_us - self._random.randrange(3_600 * SECOND, 7_200 * SECOND): 2,
            now_us - self._random.randrange(86_400 * SECOND, 200_000 * SECOND): 2,
            boundary: 10,
            boundary - 1: 4,
            boundary + 1: 4,
            boundary - self._random.randrange(10) * SECOND: 12,
            now_us + self._random.randrange(300_000): 8,
        }
        return self._random.choices(list(drawn), list(drawn.values()))[0]

    def _amount(self) -> float | None:
        drawn = self._random.random()
        if drawn < 0.05:
            return None
        return round(self._random.expovariate(0.01), 2) if drawn < 0.9 else 1e9 * drawn

    def _again(self, now_us: int) -> Sent:
        return self._random.choice(self._past) if self._past else self._order(now_us)

    def _tied(self, now_us: int) -> Sent:
        """Another order of the same customer at the same microsecond."""
        base = self._take_plain()
        if base is None or base.fields is None:
            return self._order(now_us)
        sent = self._new_order(base.key, 0)
        assert sent.fields is not None
        return Sent.of(ORDERS, base.key, {**sent.fields, "event_timestamp": base.fields["event_timestamp"]})

    def _elsewhere(self, now_us: int) -> Sent:
        """An order once more, in a partition of any number."""
        base = self._take_plain()
        return replace(base, key=f"any_{self._random.random()}") if base else self._order(now_us)

    def _contradiction(self, now_us: int) -> Sent:
        """An id once more with another time and amount: the first one counts."""
        base = self._take_plain()
        if base is None or base.fields is None:
            return self._order(now_us)
        other = {"event_timestamp": stamp(self._odd_time(now_us)), "amount": 77.0}
        return Sent.of(ORDERS, base.key, {**base.fields, **other})

    def _take_plain(self) -> Sent | None:
        """One that was sent a while ago; it is in no second role, in which the order of partitions would matter."""
        return self._plain.popleft() if len(self._plain) > 50 else None

    def _broken(self, _now_us: int) -> Sent:
        number = next(self._ids)
        good = {
            "order_id": f"b{number}",
            "event_timestamp": stamp(0),
            "user_id": "u",
            "card_id": "c",
            "product_id": "p",
        }
        values: list[bytes | None] = [
            b"{ %d" % number,
            b"\xff\xfe %d" % number,
            b"[%d]" % number,
            b"",
            None,
            json.dumps({"order_id": f"b{number}"}).encode(),
            json.dumps({**good, "amount": -1}).encode(),
            json.dumps({**good, "event_timestamp": "2024-05-01T12:00:00", "amount": 1}).encode(),
            json.dumps({**good, "amount": "1"}).encode(),
        ]
        value = self._random.choice(values)
        self.broken.add(value)
        return Sent(self._random.choice([ORDERS, CHARGEBACKS]), f"any_{number}", None, value)


def stamp(time_us: int) -> str:
    """RFC 3339 with microseconds."""
    return (EPOCH + timedelta(microseconds=time_us)).isoformat()


def micros(text: str) -> int:
    """The reverse of `stamp`."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)
