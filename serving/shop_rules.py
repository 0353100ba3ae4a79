"""Which products a customer is not shown, whatever a model thinks of them. Hot path."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

IN_STOCK = "product_in_stock"
CATEGORY = "product_category"
BOUGHT = "user_product_orders_count_30d"


@dataclass(frozen=True)
class ShopRules:
    """What the shop wants of its recommendations.

    Attributes:
        bought_again: Categories whose products are bought again and again; of the others nobody is shown what they
            bought within the last 30 days.
    """

    bought_again: frozenset[str] = frozenset()

    def allow(self, features: Mapping[str, Any]) -> bool:
        """Whether a product with these features of it and its customer is shown; what is not known forbids nothing."""
        if features.get(IN_STOCK) is False:
            return False
        return not features.get(BOUGHT) or features.get(CATEGORY) in self.bought_again
