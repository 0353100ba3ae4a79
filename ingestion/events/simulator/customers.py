"""The customers: how often they come, from where, what they like, what they spend and which devices are theirs."""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import polars as pl

from ingestion.events.simulator.catalogue import CATEGORIES, Catalogue
from ingestion.events.simulator.config import ShopConfig
from ingestion.events.simulator.draws import DAY, HOUR, Bools, Floats, Ints, micros, pick

COUNTRIES: Final = {
    "GB": (0.32, 0),
    "DE": (0.24, 1),
    "FR": (0.16, 1),
    "PL": (0.08, 1),
    "GR": (0.05, 2),
    "US": (0.15, -5),
}
"""Share of the customers and hours ahead of UTC."""
SHELVES_LIKED: Final = 4
_LIKING: Final = np.array([0.45, 0.25, 0.20, 0.10])
DEVICES_EACH: Final = 3
_DEVICE_USE: Final = np.array([0.82, 0.13, 0.05])
_CUSTOMERS_PER_KIOSK: Final = 250


@dataclass(frozen=True)
class Customers:
    """Customers 0..U-1; every array of length U unless said otherwise.

    Attributes:
        names: User ids as text.
        activity: Share of the visits.
        country: Index into `COUNTRIES`.
        shelves: Shelves liked, the most liked first, shape [U, 4].
        conversion: Share of the visits made to buy.
        spending: Around 1; more means larger quantities and dearer versions.
        signup_us: When each registered; before that nothing happens.
        verified_us: When each was verified; 0 where that never happened.
    """

    names: pl.Series
    activity: Floats
    country: Ints
    shelves: Ints
    conversion: Floats
    spending: Floats
    signup_us: Ints
    verified_us: Ints

    @classmethod
    def drawn(cls, config: ShopConfig, catalogue: Catalogue, rng: np.random.Generator) -> Self:
        """Draw the customers of a shop; a tenth registered within the last 45 days."""
        count = config.customers
        activity = rng.gamma(0.8, size=count) + 0.02
        new = rng.random(count) < 0.1
        age = np.where(new, rng.uniform(0, 45 * DAY, count), 45 * DAY + rng.exponential(500 * DAY, count))
        signup = micros(config.present) - age.astype(np.int64)
        verified = rng.random(count) < 0.85
        return cls(
            names=pl.Series([f"user_{i:05d}" for i in range(count)]),
            activity=activity / activity.sum(),
            country=pick(rng, [share for share, _ in COUNTRIES.values()], count),
            shelves=_liked_shelves(rng, catalogue, count),
            conversion=rng.beta(5, 5.2, count),
            spending=np.exp(rng.normal(0, 0.35, count)),
            signup_us=signup,
            verified_us=np.where(verified, signup + rng.integers(HOUR, 5 * DAY, count), 0),
        )

    def utc_offset_us(self, customers: Ints) -> Ints:
        """Offset from UTC of each customer's clock."""
        hours = np.array([hours for _, hours in COUNTRIES.values()])
        return hours[self.country[customers]] * HOUR

    def visitors(self, rng: np.random.Generator, size: int) -> Ints:
        """Customers by activity."""
        return pick(rng, self.activity, size)

    def liked_shelf(self, rng: np.random.Generator, customers: Ints) -> Ints:
        """One shelf that each customer likes, the most liked most often."""
        return self.shelves[customers, pick(rng, _LIKING, len(customers))]

    def registered(self, customers: Ints, times_us: Ints) -> Bools:
        """Whether each customer had registered by then."""
        return self.signup_us[customers] <= times_us

    def own_device(self, rng: np.random.Generator, customers: Ints) -> Ints:
        """Number of a device of each customer: three each, one of them used mostly."""
        return customers * DEVICES_EACH + pick(rng, _DEVICE_USE, len(customers))

    def kiosk(self, rng: np.random.Generator, size: int) -> Ints:
        """Numbers of devices that many customers use: terminals in the shop, after all own devices."""
        kiosks = len(self.activity) // _CUSTOMERS_PER_KIOSK + 1
        return len(self.activity) * DEVICES_EACH + rng.integers(0, kiosks, size)

    def rows(self, as_of_us: int) -> pl.DataFrame:
        """A row per customer and change up to an instant, in the columns of the profile's feature view."""
        everyone = np.arange(len(self.activity))
        later = np.flatnonzero(self.verified_us)
        rows = [self._rows(everyone, self.signup_us, False), self._rows(later, self.verified_us[later], True)]
        known = pl.col("event_timestamp") <= pl.lit(as_of_us).cast(pl.Datetime("us", "UTC"))
        return pl.concat(rows).filter(known)

    def _rows(self, customers: Ints, times_us: Ints, verified: bool) -> pl.DataFrame:
        times = pl.Series(times_us).cast(pl.Datetime("us", "UTC"))
        return pl.DataFrame(
            {
                "user_id": self.names.gather(customers),
                "user_signup_seconds": self.signup_us[customers] // 1_000_000,
                "user_country": pl.Series(list(COUNTRIES)).gather(self.country[customers]),
                "user_verified": np.full(len(customers), verified),
                "event_timestamp": times,
                "created_timestamp": times,
            }
        )


def _liked_shelves(rng: np.random.Generator, catalogue: Catalogue, count: int) -> Ints:
    """Popular shelves first; half of the others are of the first one's category; shape [count, 4]."""
    weight = np.sqrt(np.add.reduceat(catalogue.popularity, catalogue.shelf_first))
    drawn = pick(rng, weight, count * SHELVES_LIKED).reshape(count, SHELVES_LIKED)
    shelf_category = catalogue.category[catalogue.shelf_first]
    first = drawn[:, :1]
    alike = (first + len(CATEGORIES) * rng.integers(0, len(weight), drawn.shape)) % len(weight)
    replaced = (shelf_category[alike] == shelf_category[first]) & (rng.random(drawn.shape) < 0.5)
    replaced[:, 0] = False
    return np.where(replaced, alike, drawn)
