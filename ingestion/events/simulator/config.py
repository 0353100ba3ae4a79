"""Size and habits of the simulated shop."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self


@dataclass(frozen=True)
class FraudConfig:
    """How much fraud there is and of which kinds.

    Attributes:
        share: Fraudulent orders among all orders, on average.
        mix: Share of each scenario among the fraudulent orders; they sum to 1.
        compromised_rate: Share of fraud among the orders of a product while it is compromised.
        reported_share: Fraudulent orders that ever become known through a chargeback.
    """

    share: float = 0.01
    mix: Mapping[str, float] = field(
        default_factory=lambda: {
            "large_amount": 0.25,
            "account_takeover": 0.25,
            "compromised_product": 0.32,
            "card_testing": 0.18,
        }
    )
    compromised_rate: float = 0.35
    reported_share: float = 0.97

    def of(self, scenario: str) -> float:
        """Orders of this scenario among all orders, on average."""
        return self.share * self.mix[scenario]


@dataclass(frozen=True)
class Troubles:
    """Shares of messages that do not arrive as they should.

    Attributes:
        late: Arrive minutes or hours after their event, each more than ten minutes.
        out_of_order: Arrive fractions of a second to seconds after events that happened later (live traffic).
        duplicate: Arrive a second time with the same event id.
        malformed: Break the contract (live traffic; an archive holds valid events only).
    """

    late: float = 0.002
    out_of_order: float = 0.006
    duplicate: float = 0.004
    malformed: float = 0.004


@dataclass(frozen=True)
class ShopConfig:
    """A shop.

    Attributes:
        present: The shop's today (aware): registrations and listings lie before it, the newest close to it.
            Take the end of the history; it moves nothing but these dates.
        customers: Number of customers, the newest included.
        products: Number of products, at least 40.
        sessions_per_customer_day: Visits a day of the average customer; activity is very uneven.
        fraud: How much fraud there is.
        troubles: What goes wrong on the way.
    """

    present: datetime
    customers: int = 5_000
    products: int = 1_000
    sessions_per_customer_day: float = 1.2
    fraud: FraudConfig = field(default_factory=FraudConfig)
    troubles: Troubles = field(default_factory=Troubles)

    def __post_init__(self) -> None:
        if self.present.tzinfo is None:
            raise ValueError(f"present={self.present} has no zone; give an aware datetime")
        if self.customers < 10 or self.products < 40:
            raise ValueError(
                f"{self.customers} customers and {self.products} products make no shop; take 10 and 40 or more"
            )

    def scaled(self, factor: float) -> Self:
        """The same shop with `factor` times the customers, and so as many times the events."""
        return replace(self, customers=round(self.customers * factor))
