"""A stretch of time to fill with traffic, and the raw columns that fill it."""

from dataclasses import dataclass, fields
from typing import Final, Self, TypeVar

import numpy as np

from ingestion.events.simulator.draws import Ints

GENUINE: Final = "genuine"
SCENARIOS: Final = (GENUINE, "large_amount", "account_takeover", "compromised_product", "card_testing")
"""What an order really is; raw orders carry the index."""

NO_SESSION: Final = -1


@dataclass(frozen=True)
class Period:
    """A stretch of time.

    Attributes:
        label: Part of every id made in it; no other period has it.
        start_us: Its begin.
        length_us: Its length.
        sessions: Visits expected in it.
        daily_rhythm: Whether visits follow the hours of the customers' day; else they come evenly.
    """

    label: str
    start_us: int
    length_us: int
    sessions: float
    daily_rhythm: bool


@dataclass(frozen=True)
class RawViews:
    """Page views as numbers; one row each, not sorted.

    Attributes:
        time_us: When.
        user: Customer.
        product: Product.
        cart_quantity: Pieces put into the cart, 0 for none.
        session: Number of the visit within the period.
    """

    time_us: Ints
    user: Ints
    product: Ints
    cart_quantity: Ints
    session: Ints


@dataclass(frozen=True)
class RawOrders:
    """Orders as numbers; one row each, not sorted.

    Attributes:
        time_us: When.
        user: Customer in whose name.
        product: Product.
        device: Number of the device; negative for one never seen before this period.
        quantity: Pieces.
        cents: Amount in hundredths of the currency.
        session: Number of the visit within the period, or `NO_SESSION`.
        scenario: Index into `SCENARIOS`.
    """

    time_us: Ints
    user: Ints
    product: Ints
    device: Ints
    quantity: Ints
    cents: Ints
    session: Ints
    scenario: Ints


Columns = TypeVar("Columns", RawViews, RawOrders)


@dataclass(frozen=True)
class Raw:
    """The traffic of a period."""

    views: RawViews
    orders: RawOrders

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """All parts one after the other."""
        return cls(_joined([part.views for part in parts]), _joined([part.orders for part in parts]))


class FreshDevices:
    """Numbers of devices that nobody has used before, negative and counted down from -1."""

    def __init__(self) -> None:
        self._last = 0

    def take(self, size: int) -> Ints:
        """As many numbers, each given once."""
        numbers = -np.arange(self._last + 1, self._last + size + 1)
        self._last += size
        return numbers


def _joined(parts: list[Columns]) -> Columns:
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(parts[0])
    }
    return type(parts[0])(**columns)
