"""What is not recommended, whatever its score."""

from typing import Any

import pytest

from serving.shop_rules import BOUGHT, CATEGORY, IN_STOCK, ShopRules

RULES = ShopRules(frozenset({"grocery"}))


@pytest.mark.parametrize(
    ("features", "shown"),
    [
        ({IN_STOCK: True, BOUGHT: 0, CATEGORY: "toys"}, True),
        ({IN_STOCK: False, BOUGHT: 0, CATEGORY: "toys"}, False),
        ({IN_STOCK: True, BOUGHT: 1, CATEGORY: "toys"}, False),
        ({IN_STOCK: True, BOUGHT: 3, CATEGORY: "grocery"}, True),
        ({IN_STOCK: False, BOUGHT: 3, CATEGORY: "grocery"}, False),
        ({IN_STOCK: None, BOUGHT: None, CATEGORY: None}, True),
        ({}, True),
    ],
)
def test_what_is_shown(features: dict[str, Any], shown: bool) -> None:
    """Out of stock never; bought lately only in some categories; what is not known forbids nothing."""
    assert RULES.allow(features) is shown
