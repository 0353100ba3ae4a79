"""Windowed features. A new feature is one line here: its name, type and field are derived from it."""

from datetime import timedelta

from feast.aggregation import Aggregation

from feature_repo.entities import device, product, user
from feature_repo.events import chargebacks, orders, page_views
from ingestion.derive import windowed_view


def ten_minutes(column: str, function: str) -> Aggregation:
    """A window of 10 minutes, in hops of a minute."""
    return Aggregation(column, function, timedelta(minutes=10), timedelta(minutes=1))


def hour(column: str, function: str) -> Aggregation:
    """A window of an hour, in hops of 5 minutes."""
    return Aggregation(column, function, timedelta(hours=1), timedelta(minutes=5))


def day(column: str, function: str) -> Aggregation:
    """A window of a day, in hops of an hour."""
    return Aggregation(column, function, timedelta(days=1), timedelta(hours=1))


def week(column: str, function: str) -> Aggregation:
    """A window of 7 days, in hops of 6 hours."""
    return Aggregation(column, function, timedelta(days=7), timedelta(hours=6))


def month(column: str, function: str) -> Aggregation:
    """A window of 30 days, in hops of a day."""
    return Aggregation(column, function, timedelta(days=30), timedelta(days=1))


user_orders = windowed_view(
    "user_orders",
    entities=[user],
    events=orders,
    description="How a customer orders.",
    aggregations=[
        ten_minutes("order_id", "count"),
        hour("order_id", "count"),
        hour("amount", "sum"),
        day("order_id", "count"),
        day("amount", "max"),
        day("device_id", "count_distinct"),
        week("order_id", "count"),
        month("order_id", "count"),
        month("amount", "mean"),
        month("amount", "std"),
        month("device_id", "last"),
        month("category", "last"),
    ],
)

user_views = windowed_view(
    "user_views",
    entities=[user],
    events=page_views,
    description="What a customer looks at.",
    aggregations=[
        ten_minutes("view_id", "count"),
        hour("view_id", "count"),
        hour("product_id", "count_distinct"),
        day("view_id", "count"),
        day("cart_quantity", "sum"),
        day("product_id", "last"),
        week("category", "last"),
    ],
)

product_orders = windowed_view(
    "product_orders",
    entities=[product],
    events=orders,
    description="How a product sells.",
    aggregations=[
        hour("order_id", "count"),
        day("order_id", "count"),
        day("user_id", "count_distinct"),
        week("order_id", "count"),
        month("order_id", "count"),
        month("amount", "mean"),
    ],
)

product_views = windowed_view(
    "product_views",
    entities=[product],
    events=page_views,
    description="How much a product is looked at.",
    aggregations=[
        hour("view_id", "count"),
        day("view_id", "count"),
        day("cart_quantity", "sum"),
        week("view_id", "count"),
    ],
)

device_orders = windowed_view(
    "device_orders",
    entities=[device],
    events=orders,
    description="How a device orders, whoever uses it.",
    aggregations=[
        ten_minutes("order_id", "count"),
        hour("order_id", "count"),
        hour("amount", "sum"),
        day("order_id", "count"),
        day("amount", "min"),
        day("user_id", "count_distinct"),
        week("user_id", "count_distinct"),
    ],
)

product_chargebacks = windowed_view(
    "product_chargebacks",
    entities=[product],
    events=chargebacks,
    description="Known fraud on a product, counted from when it became known.",
    aggregations=[
        week("chargeback_id", "count"),
        month("chargeback_id", "count"),
        month("amount", "sum"),
    ],
)

user_chargebacks = windowed_view(
    "user_chargebacks",
    entities=[user],
    events=chargebacks,
    description="Known fraud of a customer, counted from when it became known.",
    aggregations=[month("chargeback_id", "count")],
)

user_product_views = windowed_view(
    "user_product_views",
    entities=[user, product],
    events=page_views,
    description="A customer's interest in one product.",
    aggregations=[
        hour("view_id", "count"),
        week("view_id", "count"),
        week("cart_quantity", "sum"),
    ],
)

user_product_orders = windowed_view(
    "user_product_orders",
    entities=[user, product],
    events=orders,
    description="Whether a customer bought a product lately.",
    aggregations=[month("order_id", "count")],
)
