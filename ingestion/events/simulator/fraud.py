"""Fraud, of four kinds, on top of honest traffic. What is fraud is known here and never written into an event.

large_amount         a stolen card buys something dear, several pieces, above the list price
account_takeover     a new device orders several times within minutes, in categories the customer never buys
compromised_product  for weeks, a share of the orders of one product are fraud that looks like any other order
card_testing         one new device tries many customers' cards with tiny amounts within minutes
"""

from dataclasses import replace
from typing import Final

import numpy as np

from ingestion.events.simulator.catalogue import Catalogue
from ingestion.events.simulator.config import FraudConfig
from ingestion.events.simulator.customers import Customers
from ingestion.events.simulator.draws import (
    CAMPAIGNS,
    DAY,
    MINUTE,
    SECOND,
    Bools,
    Floats,
    Ints,
    about,
    generator,
)
from ingestion.events.simulator.period import (
    NO_SESSION,
    SCENARIOS,
    FreshDevices,
    Period,
    Raw,
    RawOrders,
    RawViews,
)
from ingestion.events.simulator.visits import version_price

_WEEK: Final = 7 * DAY
_CAMPAIGN_WEEKS: Final = (2, 4)
_TAKEOVER_ORDERS: Final = (3, 8)
_TESTED_CARDS: Final = (12, 40)
_BURST_US: Final = 9 * MINUTE
_FIRST_SESSION: Final = 10_000_000
"""Fraudulent visits are numbered after all honest ones of the period."""


class Fraud:
    """Draws the fraud of a period.

    Args:
        config: How much of what.
        customers: The victims.
        catalogue: What is bought.
        seed: Seed of the world; which products are compromised when depends on it alone.
    """

    def __init__(self, config: FraudConfig, customers: Customers, catalogue: Catalogue, seed: int) -> None:
        self._config = config
        self._customers = customers
        self._catalogue = catalogue
        self._seed = seed
        self._by_price = np.argsort(catalogue.price)
        rank = catalogue.popularity.argsort().argsort() / len(catalogue.price)
        self._attractive = np.flatnonzero((rank > 0.4) & (rank < 0.95))

    def compromised(self, orders: RawOrders, rng: np.random.Generator, fresh: FreshDevices) -> RawOrders:
        """The same orders, some of those of compromised products turned into fraud."""
        hit = self._during_campaign(orders) & (rng.random(len(orders.user)) < self._config.compromised_rate)
        new_device = hit & (rng.random(len(hit)) < 0.3)
        return replace(
            orders,
            device=np.where(new_device, fresh.take(len(hit)), orders.device),
            scenario=np.where(hit, SCENARIOS.index("compromised_product"), orders.scenario),
        )

    def added(
        self, rng: np.random.Generator, period: Period, genuine: int, fresh: FreshDevices, at_least_one: bool
    ) -> Raw:
        """Fraudulent orders, and the hasty views before some of them, that come on top of `genuine` orders.

        Args:
            rng: Random numbers of the period.
            period: Where they fall.
            genuine: Number of honest orders, to which the amount of fraud is held.
            fresh: Gives the fraudsters' devices.
            at_least_one: Whether every kind happens once even where the shares expect less.
        """
        least = int(at_least_one)
        large, takeovers, tests = (
            max(least, about(rng, genuine * self._config.of(scenario) / size))
            for scenario, size in (
                ("large_amount", 1.0),
                ("account_takeover", sum(_TAKEOVER_ORDERS) / 2),
                ("card_testing", sum(_TESTED_CARDS) / 2),
            )
        )
        bought = Raw.joined(
            [
                self._large_amounts(rng, period, large, fresh, _FIRST_SESSION),
                self._takeovers(rng, period, takeovers, fresh, _FIRST_SESSION + large),
            ]
        )
        return Raw.joined([bought, self._card_tests(rng, period, tests, fresh)])

    def _large_amounts(
        self, rng: np.random.Generator, period: Period, count: int, fresh: FreshDevices, session: int
    ) -> Raw:
        user = self._victims(rng, period, count)
        dear = self._by_price[2 * len(self._by_price) // 3 :]
        product = rng.choice(dear, count)
        quantity = rng.integers(1, 5, count)
        amount = version_price(rng, self._catalogue, product, 1.0) * quantity * rng.uniform(1.4, 4.0, count)
        own = rng.random(count) < 0.5
        orders = RawOrders(
            time_us=period.start_us + rng.integers(0, period.length_us, count),
            user=user,
            product=product,
            device=np.where(own, self._customers.own_device(rng, user), fresh.take(count)),
            quantity=quantity,
            cents=_cents(amount),
            session=session + np.arange(count),
            scenario=_all(count, "large_amount"),
        )
        return Raw(_hasty_views(rng, orders), orders)

    def _takeovers(
        self, rng: np.random.Generator, period: Period, count: int, fresh: FreshDevices, session: int
    ) -> Raw:
        """Victims [count] with a few orders each; rows [sum of them]."""
        size = rng.integers(_TAKEOVER_ORDERS[0], _TAKEOVER_ORDERS[1] + 1, count)
        victim = np.repeat(np.arange(count), size)
        user = self._victims(rng, period, count)[victim]
        start = period.start_us + rng.integers(0, period.length_us, count)
        product = self._unusual_products(rng, user)
        quantity = rng.integers(1, 4, len(user))
        amount = version_price(rng, self._catalogue, product, 1.5) * quantity
        orders = RawOrders(
            time_us=start[victim] + rng.integers(0, 30 * MINUTE, len(user)),
            user=user,
            product=product,
            device=fresh.take(count)[victim],
            quantity=quantity,
            cents=_cents(amount),
            session=session + victim,
            scenario=_all(len(user), "account_takeover"),
        )
        return Raw(_hasty_views(rng, orders), orders)

    def _card_tests(self, rng: np.random.Generator, period: Period, count: int, fresh: FreshDevices) -> Raw:
        """Bursts [count] over many customers each; rows [sum of them]."""
        size = rng.integers(_TESTED_CARDS[0], _TESTED_CARDS[1] + 1, count)
        burst = np.repeat(np.arange(count), size)
        start = period.start_us + rng.integers(0, max(1, period.length_us - _BURST_US), count)
        cheap = self._by_price[: len(self._by_price) // 3]
        orders = RawOrders(
            time_us=start[burst] + rng.integers(0, _BURST_US, len(burst)),
            user=self._victims(rng, period, len(burst)),
            product=rng.choice(cheap, len(burst)),
            device=fresh.take(count)[burst],
            quantity=np.ones(len(burst), dtype=np.int64),
            cents=rng.integers(50, 500, len(burst)),
            session=np.full(len(burst), NO_SESSION),
            scenario=_all(len(burst), "card_testing"),
        )
        return Raw(_no_views(), orders)

    def _victims(self, rng: np.random.Generator, period: Period, count: int) -> Ints:
        """Anyone who is registered when the period begins, whether active or not."""
        return rng.choice(np.flatnonzero(self._customers.signup_us <= period.start_us), count)

    def _unusual_products(self, rng: np.random.Generator, user: Ints) -> Ints:
        """For each row a popular product of a category that its customer does not like; tries are [rows, 8]."""
        tries = self._catalogue.popular(rng, len(user) * 8).reshape(len(user), 8)
        shelf_category = self._catalogue.category[self._catalogue.shelf_first]
        liked = shelf_category[self._customers.shelves[user]]
        strange = (self._catalogue.category[tries][:, :, None] != liked[:, None, :]).all(axis=2)
        return tries[np.arange(len(user)), strange.argmax(axis=1)]

    def _during_campaign(self, orders: RawOrders) -> Bools:
        """Which orders are of a product that is compromised at their time."""
        hit = np.zeros(len(orders.user), dtype=np.bool_)
        if not len(hit):
            return hit
        last_week = int(orders.time_us.max() // _WEEK)
        for week in range(int(orders.time_us.min() // _WEEK) - _CAMPAIGN_WEEKS[1], last_week + 1):
            for product, start, end in self._campaigns(week):
                hit |= (orders.product == product) & (orders.time_us >= start) & (orders.time_us < end)
        return hit

    def _campaigns(self, week: int) -> list[tuple[int, int, int]]:
        """(product, start, end) of the campaigns that begin in a week, counted from the Unix epoch."""
        rng = generator(self._seed, CAMPAIGNS, week)
        count = about(rng, self._campaigns_per_week())
        products = rng.choice(self._attractive, count, replace=False)
        starts = week * _WEEK + rng.integers(0, _WEEK, count)
        ends = starts + rng.integers(_CAMPAIGN_WEEKS[0] * _WEEK, _CAMPAIGN_WEEKS[1] * _WEEK, count)
        return list(zip(products.tolist(), starts.tolist(), ends.tolist(), strict=True))

    def _campaigns_per_week(self) -> float:
        """As many as bring the expected share of fraud: orders per product and week times rate times duration."""
        weight: Floats = self._catalogue.popularity[self._attractive]
        active = self._config.of("compromised_product") / (self._config.compromised_rate * weight.mean())
        return min(active / (sum(_CAMPAIGN_WEEKS) / 2), len(self._attractive))


def _hasty_views(rng: np.random.Generator, orders: RawOrders) -> RawViews:
    """One look at each product, seconds before it is ordered."""
    pause = rng.integers(5 * SECOND, 50 * SECOND, len(orders.user))
    return RawViews(orders.time_us - pause, orders.user, orders.product, orders.quantity, orders.session)


def _no_views() -> RawViews:
    nothing = np.zeros(0, dtype=np.int64)
    return RawViews(nothing, nothing, nothing, nothing, nothing)


def _cents(amount: Floats) -> Ints:
    return np.round(amount * 100).astype(np.int64)


def _all(count: int, scenario: str) -> Ints:
    return np.full(count, SCENARIOS.index(scenario))
