"""The orders that benchmarks ask about."""

import json

from tests.benchmarks.orders import CUSTOMERS, batch, customers, is_newcomer, order, products


def test_orders_are_of_known_customers_but_each_tenth() -> None:
    """Who in turn is new each time."""
    asked = [json.loads(order(number)) for number in range(2_000)]
    known, new = set(customers()), [one["user_id"] for n, one in enumerate(asked) if is_newcomer(n)]
    assert {one["user_id"] for n, one in enumerate(asked) if not is_newcomer(n)} <= known
    assert len(set(new)) == len(new) == 200
    assert not known & set(new)
    assert {one["product_id"] for one in asked} == set(products())
    assert len({one["user_id"] for one in asked} & known) > 0.8 * CUSTOMERS


def test_a_batch_has_its_orders_in_order() -> None:
    """From the first one on."""
    assert json.loads(batch(20, 3)) == {"orders": [json.loads(order(number)) for number in (20, 21, 22)]}
