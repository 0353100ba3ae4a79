"""Expectations about this shop that no definition implies: written by hand, beside the derived ones."""

from collections.abc import Iterator
from typing import Final

import great_expectations.expectations as gxe
from great_expectations.expectations.expectation import Expectation

from expectations.settings import QualitySettings

REFERENCES: Final = {"product_id": "product_catalogue", "user_id": "user_profile"}
"""Column of an event -> table below `tables/` that names every value it may have."""

_VARIED: Final = {
    "orders": ("user_id", "product_id", "device_id", "category"),
    "page_views": ("user_id", "product_id", "category"),
    "chargebacks": ("user_id", "product_id"),
}


def shop_expectations(event: str, settings: QualitySettings) -> Iterator[Expectation]:
    """Expectations about the distributions of a large batch of one event type; none for an unknown type."""
    for column in _VARIED.get(event, ()):
        yield gxe.ExpectColumnUniqueValueCountToBeBetween(
            column=column, min_value=2, notes="one value in a whole batch is a stuck producer"
        )
    if event == "orders":
        yield from _order_amounts(settings)


def _order_amounts(settings: QualitySettings) -> Iterator[Expectation]:
    yield gxe.ExpectColumnMedianToBeBetween(
        column="amount",
        min_value=settings.amount_median_min,
        max_value=settings.amount_median_max,
        notes="another unit or currency moves the median",
    )
    yield gxe.ExpectColumnQuantileValuesToBeBetween(
        column="amount",
        quantile_ranges={"quantiles": [0.99], "value_ranges": [[0, settings.amount_quantile_99_max]]},
        notes="one order in a hundred is large, and not larger than this",
    )
    yield gxe.ExpectColumnStdevToBeBetween(
        column="amount", min_value=0, strict_min=True, notes="orders do not all cost the same"
    )
