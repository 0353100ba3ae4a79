"""What comes in: events, people, products, predictions, and what is kept for how long."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Final

from infra.capacity.definitions import Definitions, View
from infra.capacity.errors import CapacityError

DAY_SECONDS: Final = 86_400.0
USER, PRODUCT = "user_id", "product_id"
_AT_LEAST_ONE: Final = ("users", "active_users", "products", "retention_days", "row_days", "kafka_hours")


def _option(flag: str) -> str:
    return "--" + flag.replace("_", "-")


@dataclass(frozen=True)
class Load:
    """A load, at one moment of a shop's life.

    Attributes:
        peak_events: Events per second in the busiest minutes, of all topics.
        mean_events: Events per second over the day.
        users: Customers that ever came.
        active_users: Customers that come on a day.
        products: Products that are looked at.
        predictions: Predictions per second in the busiest minutes; over the day in the proportion of the events.
        retention_days: How long archive and prediction log are kept.
        row_days: How long a row stays in Redis behind its last change.
        kafka_hours: How long Kafka keeps messages.
        replicas: Copies of what Kafka and Redis hold, the first one included.
        shares: Part of the events of each topic; together 1.
        populations: How many different values a join key has, where it is neither a user nor a product.
    """

    peak_events: float
    mean_events: float
    users: float
    active_users: float
    products: float
    predictions: float = 0.0
    retention_days: float = 365.0
    row_days: float = 90.0
    kafka_hours: float = 168.0
    replicas: int = 1
    shares: Mapping[str, float] = field(default_factory=dict)
    populations: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for told in fields(self):
            value = getattr(self, told.name)
            if isinstance(value, int | float):
                self._check(told.name, value)
        self._check_order("mean_events", "peak_events", "the mean is no more than the peak")
        self._check_order("active_users", "users", "only customers can be active")
        for topic, share in self.shares.items():
            if not 0 <= share <= 1:
                raise CapacityError(f"--share {topic}={share:g}: a share lies between 0 and 1")
        for key, count in self.populations.items():
            if not (math.isfinite(count) and count >= 1):
                raise CapacityError(f"--population {key}={count:g}: give how many there are, 1 or more")

    def _check(self, name: str, value: float) -> None:
        least = 1 if name in _AT_LEAST_ONE or name == "replicas" else 0
        if not (math.isfinite(value) and value >= least):
            raise CapacityError(f"{_option(name)} {value:g}: give {least} or more")

    def _check_order(self, low: str, high: str, why: str) -> None:
        if getattr(self, low) > getattr(self, high):
            raise CapacityError(
                f"{_option(low)} {getattr(self, low):g} is above {_option(high)} {getattr(self, high):g}: {why}; "
                f"raise {_option(high)} or lower {_option(low)}"
            )

    def times(self, factor: float) -> "Load":
        """So many times the events, customers and predictions, over the same products.

        Raises:
            CapacityError: the factor is not above 0.
        """
        if not (math.isfinite(factor) and factor > 0):
            raise CapacityError(f"--times {factor:g}: give a factor above 0")
        grown = ("peak_events", "mean_events", "users", "active_users", "predictions")
        devices = {key: count * factor for key, count in self.populations.items()}
        return replace(self, **{name: factor * getattr(self, name) for name in grown}, populations=devices)

    def share(self, topic: str) -> float:
        """Part of the events that belong to a topic.

        Raises:
            CapacityError: it was not given.
        """
        if topic not in self.shares:
            raise CapacityError(
                f"no share of the events is known for topic {topic!r} (known: {dict(self.shares)}); give --share {topic}=0.1"
            )
        return self.shares[topic]

    def check(self, definitions: Definitions) -> None:
        """Whether the shares are those of the topics that are registered.

        Raises:
            CapacityError: they are not.
        """
        known = {topic.name for topic in definitions.topics}
        if strange := sorted(name for name, share in self.shares.items() if share and name not in known):
            raise CapacityError(f"--share {strange[0]}: no such topic; there are {', '.join(sorted(known))}")
        total = sum(self.share(name) for name in known)
        if abs(total - 1) > 0.01:
            raise CapacityError(
                f"the shares of {', '.join(sorted(known))} make {total:g} together, they must make 1; give a --share of each"
            )

    def entities(self, view: View, seconds: float, events_per_second: float) -> float:
        """How many different entities of a view have events within so long, at most.

        Every entity is taken to be as likely as every other one of those that come on a day: where few have most of the events,
        there are fewer.
        """
        seen = math.prod(self._seen(key, seconds) for key in view.keys)
        return different(seen, events_per_second * seconds)

    def _seen(self, key: str, seconds: float) -> float:
        """How many values of a join key come within so long; on each day others do."""
        population = self.population(key)
        if key == PRODUCT:
            return population
        days = max(1.0, seconds / DAY_SECONDS)
        return max(1.0, -population * math.expm1(days * _log_of_absent(self.active_users / self.users)))

    def population(self, key: str) -> float:
        """How many different values a join key has; what is neither a product nor given: as many as users."""
        known = {USER: self.users, PRODUCT: self.products, **self.populations}
        return float(known.get(key, self.users))

    def is_assumed(self, key: str) -> bool:
        """Whether nobody said how many different values a join key has."""
        return key not in (USER, PRODUCT) and key not in self.populations


def different(population: float, draws: float) -> float:
    """How many different ones so many draws from a population show on average, each as likely as every other."""
    return -population * math.expm1(-draws / population)


def _log_of_absent(active_share: float) -> float:
    """Logarithm of the chance not to come on a day."""
    return math.log1p(-active_share) if active_share < 1 else -math.inf
