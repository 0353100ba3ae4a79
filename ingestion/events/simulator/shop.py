"""The shop: one seeded world, its history, its tables and its live traffic."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from ingestion.events.simulator.catalogue import Catalogue
from ingestion.events.simulator.config import ShopConfig
from ingestion.events.simulator.customers import Customers
from ingestion.events.simulator.draws import DAY, DAYS, LIVE, MINUTE, WORLD, generator, micros
from ingestion.events.simulator.frames import (
    ARRIVAL,
    KNOWN,
    SCENARIO,
    TIMESTAMP,
    chargeback_frame,
    order_frame,
    truth_frame,
    view_frame,
    with_arrivals,
)
from ingestion.events.simulator.fraud import Fraud
from ingestion.events.simulator.live import LiveEvents, Stage, staged
from ingestion.events.simulator.period import FreshDevices, Period, Raw
from ingestion.events.simulator.visits import WEEKDAY_WEIGHTS, honest_traffic

_SHORTEST_LIVE_US = 20 * MINUTE
_EVENTS_PER_VISIT = 4.5


@dataclass(frozen=True)
class History:
    """What happened in a stretch of time and had arrived by its end; frames in the order of arrival.

    Attributes:
        orders: Columns of the contract and ``arrival_timestamp``; repeated rows are repeated arrivals.
        page_views: Likewise.
        chargebacks: Likewise; of the orders of this stretch that became known as fraud before its end.
        ground_truth: Every fraudulent order of the stretch with its ``scenario`` and the ``known_timestamp`` at which
            it becomes known (maybe after the end; null: never). For checking, not for training.
    """

    orders: pl.DataFrame
    page_views: pl.DataFrame
    chargebacks: pl.DataFrame
    ground_truth: pl.DataFrame

    @property
    def archives(self) -> dict[str, pl.DataFrame]:
        """The frames by the name of their event type."""
        return {"orders": self.orders, "page_views": self.page_views, "chargebacks": self.chargebacks}


class Shop:
    """A world drawn from a seed.

    Args:
        config: Its size and habits.
        seed: Any whole number from 0; the same seed and configuration give the same events.
    """

    def __init__(self, config: ShopConfig, seed: int = 7) -> None:
        self.config = config
        self._seed = seed
        rng = generator(seed, WORLD)
        self._catalogue = Catalogue.drawn(config, rng)
        self._customers = Customers.drawn(config, self._catalogue, rng)
        self._fraud = Fraud(config.fraud, self._customers, self._catalogue, seed)

    def history(
        self, start: datetime, end: datetime, *, on_day: Callable[[], None] = lambda: None
    ) -> History:
        """Everything with ``start <= event time < end`` (aware) that has arrived by ``end``.

        Args:
            start: First event time.
            end: Where the history stops.
            on_day: Called after each day that was drawn, `days_drawn` times in all.
        """
        days = []
        for day in self._days(start, end):
            days.append(self._day(day))
            on_day()
        orders, views, chargebacks, truths = (pl.concat(frames) for frames in zip(*days, strict=True))
        truth = truths.filter(_during("event_timestamp", start, end)).sort("event_timestamp")
        of_this_stretch = pl.col("order_id").is_in(truth["order_id"].implode())
        return History(
            orders=_arrived(orders, start, end),
            page_views=_arrived(views, start, end),
            chargebacks=_arrived(chargebacks.filter(of_this_stretch), start, end),
            ground_truth=truth,
        )

    def days_drawn(self, start: datetime, end: datetime) -> int:
        """Number of days that `history` has to draw: those it covers and the one before, whose visits run over."""
        return len(self._days(start, end))

    def live(self, start: datetime, duration: timedelta, events_per_second: float) -> LiveEvents:
        """Exactly ``duration * events_per_second`` messages that arrive evenly from `start` on.

        A peak sale seen in fast motion: 20 minutes of visits (or `duration`, if that is more) with as many customers
        at once as the rate needs, pressed into `duration`. The same customers, products and compromised products as
        in the history. Frauds of the three days before become known.

        Args:
            start: Arrival of the first message (aware).
            duration: How long messages arrive.
            events_per_second: Messages of all topics together, malformed and repeated ones included.
        """
        total = round(duration.total_seconds() * events_per_second)
        rng = generator(self._seed, LIVE, micros(start))
        visits = total / _EVENTS_PER_VISIT
        while True:
            stage = self._stage(start, duration, visits, rng)
            if stage.height >= total:
                return staged(stage, start, duration, total, self.config.troubles, rng)
            visits *= 1.3

    def tables(self, as_of: datetime) -> dict[str, pl.DataFrame]:
        """The shop's tables as they were at an instant (aware), in the columns of the batch feature views."""
        return {
            "user_profile": self._customers.rows(micros(as_of)),
            "product_catalogue": self._catalogue.rows(micros(as_of)),
        }

    def _days(self, start: datetime, end: datetime) -> range:
        if end <= start:
            raise ValueError(f"the history ends at {end} before it starts at {start}; give a later end")
        return range(micros(start) // DAY - 1, -(-micros(end) // DAY))

    def _day(self, number: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Orders, page views and the chargebacks of these orders with their arrivals, and the ground truth of a day.

        The day is counted from the Unix epoch; its chargebacks come on later days.
        """
        rng = generator(self._seed, DAYS, number)
        orders, views, truth = self._frames(self._day_period(number), rng)
        late, duplicate = self.config.troubles.late, self.config.troubles.duplicate
        orders, views, chargebacks = (
            with_arrivals(frame, rng, late, duplicate)
            for frame in (orders.drop(SCENARIO), views, chargeback_frame(truth))
        )
        return orders, views, chargebacks, truth

    def _day_period(self, number: int) -> Period:
        day = datetime.fromtimestamp(number * DAY / 1e6, UTC)
        daily = self.config.customers * self.config.sessions_per_customer_day
        return Period(
            label=day.strftime("%Y%m%d"),
            start_us=number * DAY,
            length_us=DAY,
            sessions=daily * WEEKDAY_WEIGHTS[day.weekday()],
            daily_rhythm=True,
        )

    def _frames(
        self, period: Period, rng: np.random.Generator, *, every_fraud: bool = False
    ) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Orders with their scenario, page views and ground truth of a period."""
        fresh = FreshDevices()
        honest = honest_traffic(rng, period, self._customers, self._catalogue, fresh)
        mixed = Raw(honest.views, self._fraud.compromised(honest.orders, rng, fresh))
        genuine = len(honest.orders.user)
        raw = Raw.joined([mixed, self._fraud.added(rng, period, genuine, fresh, every_fraud)])
        orders = order_frame(raw.orders, period, self._customers, self._catalogue)
        views = view_frame(raw.views, period, self._customers, self._catalogue)
        return orders, views, truth_frame(orders, rng, self.config.fraud.reported_share)

    def _stage(self, start: datetime, duration: timedelta, visits: float, rng: np.random.Generator) -> Stage:
        label = start.astimezone(UTC).strftime("live%Y%m%dT%H%M%S%f")
        length = max(duration // timedelta(microseconds=1), _SHORTEST_LIVE_US)
        period = Period(label, micros(start), length, visits, daily_rhythm=False)
        orders, views, truth = self._frames(period, rng, every_fraud=True)
        return Stage(orders.drop(SCENARIO), views, self._becoming_known(start, label), truth)

    def _becoming_known(self, start: datetime, label: str) -> pl.DataFrame:
        """Chargebacks of the three days before that come after `start`, the next one first, with ids of their own."""
        truths = [self._day(day)[3] for day in self._days(start - timedelta(days=2), start)]
        pending = pl.concat(truths).filter(
            pl.col(KNOWN) >= pl.lit(start), pl.col("event_timestamp") < pl.lit(start)
        )
        numbers = pl.int_range(pl.len()).cast(pl.String)
        return (
            chargeback_frame(pending)
            .sort("event_timestamp")
            .with_columns(pl.format("cbk_{}_{}", pl.lit(label), numbers).alias("chargeback_id"))
        )


def _during(column: str, start: datetime, end: datetime) -> pl.Expr:
    bounds = [pl.lit(instant.astimezone(UTC)).cast(TIMESTAMP) for instant in (start, end)]
    return pl.col(column).is_between(bounds[0], bounds[1], closed="left")


def _arrived(frame: pl.DataFrame, start: datetime, end: datetime) -> pl.DataFrame:
    by_end = pl.col(ARRIVAL) < pl.lit(end.astimezone(UTC)).cast(TIMESTAMP)
    return frame.filter(_during("event_timestamp", start, end), by_end).sort(ARRIVAL, maintain_order=True)
