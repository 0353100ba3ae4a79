"""Live traffic: messages that arrive evenly, with a known number of late, repeated and malformed ones among them.

::

    events in the order in which they happened    0  1  2  3  4  5  6  7
    a repeated message comes once more, later     0  1  2  3  4  5  1' 6  7
    evenly spaced arrivals                        |--|--|--|--|--|--|--|--|
    event time = arrival - delay                  a millisecond; fractions of a second; minutes and hours
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Final, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import polars as pl

from ingestion.events.encoding import encode_rows
from ingestion.events.simulator.config import Troubles
from ingestion.events.simulator.draws import MINUTE, Bools, Ints, log_uniform, micros
from ingestion.events.simulator.frames import TIMESTAMP
from ingestion.events.simulator.troubled import broken

TOPICS: Final = ("orders", "page_views", "chargebacks")

_CHARGEBACK_SHARE: Final = 0.002
_USUAL_DELAY_US: Final = 1_000
_OUT_OF_ORDER_DELAY_US: Final = (80_000, 350_000)
_LATE_DELAY_US: Final = (15 * MINUTE, 360 * MINUTE)
_REPEATED_WITHIN_SECONDS: Final = 2.0
_QUIET_SHARE: Final = 0.05
"""At the start nothing is late or repeated, so that whoever reads has seen what time it is."""

Objects = npt.NDArray[np.object_]


class LiveEvent(NamedTuple):
    """One message.

    Attributes:
        topic: Where to.
        key: The customer, also of a message whose payload does not say it any more.
        arrival_us: When it is to be sent, microseconds since the Unix epoch.
        payload: The bytes.
    """

    topic: str
    key: str
    arrival_us: int
    payload: bytes


@dataclass(frozen=True)
class LiveCounts:
    """What is among the messages.

    Attributes:
        total: All messages.
        valid: Those that keep the contract, repeated ones included; the rest is malformed.
        duplicate: Valid ones whose event id came before.
        late: Valid ones that arrive 15 minutes or more after their event.
        out_of_order: Valid ones whose event time is before that of an earlier valid one of their topic.
        malformed: Number of messages by kind of refusal.
        by_topic: Number of messages and of valid ones by topic.
    """

    total: int
    valid: int
    duplicate: int
    late: int
    out_of_order: int
    malformed: Mapping[str, int]
    by_topic: Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class LiveEvents:
    """Messages in the order of their arrival.

    Attributes:
        topics, keys, payloads: One each per message.
        arrivals_us: int64 microseconds since the Unix epoch, increasing.
        counts: What is among them.
        ground_truth: The fraudulent ones of the valid orders, each with its ``scenario``.
    """

    topics: list[str]
    keys: list[str]
    payloads: list[bytes]
    arrivals_us: Ints
    counts: LiveCounts
    ground_truth: pl.DataFrame

    def __len__(self) -> int:
        return len(self.payloads)

    def __iter__(self) -> Iterator[LiveEvent]:
        columns = (self.topics, self.keys, self.arrivals_us.tolist(), self.payloads)
        return map(LiveEvent, *columns)


@dataclass(frozen=True)
class Stage:
    """Events to choose from, each frame in time order.

    Attributes:
        orders, page_views: As they happen.
        chargebacks: In the order in which they become known; their times do not matter.
        truth: The fraudulent orders.
    """

    orders: pl.DataFrame
    page_views: pl.DataFrame
    chargebacks: pl.DataFrame
    truth: pl.DataFrame

    @property
    def height(self) -> int:
        """Orders and page views."""
        return self.orders.height + self.page_views.height


@dataclass(frozen=True)
class _Slots:
    """Events in the order in which they happen, before anything goes wrong; arrays of one length.

    Attributes:
        topic: Index into `TOPICS`.
        row: Row in the topic's frame.
    """

    topic: Ints
    row: Ints


@dataclass(frozen=True)
class _Roles:
    """Slots to which something happens; no slot is in two of them."""

    malformed: Ints
    late: Ints
    out_of_order: Ints
    repeated: Ints

    @classmethod
    def drawn(cls, rng: np.random.Generator, slots: int, total: int, troubles: Troubles) -> Self:
        shares = (troubles.malformed, troubles.late, troubles.out_of_order, troubles.duplicate)
        ends = np.cumsum([ceil(share * total) for share in shares])
        quiet = ceil(_QUIET_SHARE * slots)
        if ends[-1] > slots - quiet:
            raise ValueError(
                f"{total} messages are too few for the shares {shares}; send more or trouble less"
            )
        return cls(*np.split(rng.permutation(np.arange(quiet, slots))[: ends[-1]], ends[:-1]))


def staged(
    stage: Stage,
    start: datetime,
    duration: timedelta,
    total: int,
    troubles: Troubles,
    rng: np.random.Generator,
) -> LiveEvents:
    """Exactly `total` messages from the first events of a stage that has enough of them."""
    repeats = ceil(troubles.duplicate * total)
    slots = _slots(stage, total - repeats, rng)
    roles = _Roles.drawn(rng, total - repeats, total, troubles)
    order = _order_of_arrival(rng, total - repeats, roles.repeated, total / duration.total_seconds())
    arrivals = micros(start) + np.arange(total) * (duration // timedelta(microseconds=1)) // total
    times = _first_arrivals(order, arrivals) - _delays(rng, total - repeats, roles)
    keys, payloads = _messages(stage, slots, times)
    kinds = [_break(payloads, number, slot) for number, slot in enumerate(roles.malformed)]
    valid = ~np.isin(order, roles.malformed)
    return LiveEvents(
        topics=np.array(TOPICS, dtype=object)[slots.topic[order]].tolist(),
        keys=keys[order].tolist(),
        payloads=payloads[order].tolist(),
        arrivals_us=arrivals,
        counts=_counts(slots.topic[order], valid, times[order], roles, kinds),
        ground_truth=_truth(stage, slots, roles.malformed),
    )


def _slots(stage: Stage, count: int, rng: np.random.Generator) -> _Slots:
    """The first events of orders and views by time, chargebacks spread among them."""
    known = min(stage.chargebacks.height, ceil(_CHARGEBACK_SHARE * count))
    times = [frame["event_timestamp"].to_physical().to_numpy() for frame in (stage.orders, stage.page_views)]
    topic = np.repeat([0, 1], [len(column) for column in times])
    row = np.concatenate([np.arange(len(column)) for column in times])
    first = np.argsort(np.concatenate(times), kind="stable")[: count - known]
    places = np.sort(rng.integers(0, len(first) + 1, known))
    return _Slots(np.insert(topic[first], places, 2), np.insert(row[first], places, np.arange(known)))


def _order_of_arrival(rng: np.random.Generator, slots: int, repeated: Ints, per_second: float) -> Ints:
    """Slot of each message: every slot once in order, and the repeated ones again within two seconds."""
    furthest = max(2, int(per_second * _REPEATED_WITHIN_SECONDS))
    again = repeated + rng.integers(1, furthest, len(repeated)) + 0.5
    order: Ints = np.argsort(np.concatenate([np.arange(slots), again]), kind="stable")
    return np.concatenate([np.arange(slots), repeated])[order]


def _first_arrivals(order: Ints, arrivals: Ints) -> Ints:
    """When each slot arrives for the first time."""
    return arrivals[np.unique(order, return_index=True)[1]]


def _delays(rng: np.random.Generator, slots: int, roles: _Roles) -> Ints:
    delays = np.full(slots, _USUAL_DELAY_US)
    delays[roles.out_of_order] = rng.integers(*_OUT_OF_ORDER_DELAY_US, len(roles.out_of_order))
    delays[roles.late] = log_uniform(rng, *_LATE_DELAY_US, len(roles.late))
    return delays


def _messages(stage: Stage, slots: _Slots, times_us: Ints) -> tuple[Objects, Objects]:
    """Key and payload of each slot, with its event time."""
    keys = np.empty(len(slots.topic), dtype=object)
    payloads = np.empty(len(slots.topic), dtype=object)
    for topic, frame in enumerate((stage.orders, stage.page_views, stage.chargebacks)):
        here = np.flatnonzero(slots.topic == topic)
        now = pl.Series("event_timestamp", times_us[here]).cast(TIMESTAMP)
        rows = frame[slots.row[here]].with_columns(now)
        keys[here] = rows["user_id"].to_list()
        payloads[here] = encode_rows(rows)
    return keys, payloads


def _break(payloads: Objects, number: int, slot: int) -> str:
    kind, payloads[slot] = broken(number, payloads[slot])
    return kind


def _counts(topic: Ints, valid: Bools, times_us: Ints, roles: _Roles, kinds: list[str]) -> LiveCounts:
    """Count what is there; arrays are in the order of arrival."""
    by_topic = {
        name: (int((topic == i).sum()), int((valid & (topic == i)).sum())) for i, name in enumerate(TOPICS)
    }
    return LiveCounts(
        total=len(topic),
        valid=int(valid.sum()),
        duplicate=len(roles.repeated),
        late=len(roles.late),
        out_of_order=sum(_out_of_order(times_us[valid & (topic == i)]) for i in range(len(TOPICS))),
        malformed=dict(Counter(kinds)),
        by_topic=by_topic,
    )


def _out_of_order(times_us: Ints) -> int:
    return int((times_us < np.maximum.accumulate(times_us)).sum()) if len(times_us) else 0


def _truth(stage: Stage, slots: _Slots, malformed: Ints) -> pl.DataFrame:
    sent = np.setdiff1d(np.flatnonzero(slots.topic == 0), malformed)
    ids = stage.orders["order_id"].gather(slots.row[sent])
    return stage.truth.filter(pl.col("order_id").is_in(ids.implode()))
