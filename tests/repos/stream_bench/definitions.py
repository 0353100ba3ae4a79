"""What the stream benchmark computes: four views over two keys of the simulated shop's events, nine aggregations each."""

from datetime import timedelta

from feast import Entity, StreamFeatureView
from feast.aggregation import Aggregation

from feature_repo.entities import product, user
from feature_repo.events import orders, page_views
from ingestion.derive import EventType, windowed_view


def windows(event_id: str, amount: str, counted: str, newest: str) -> list[Aggregation]:
    """Three functions each over 10 minutes in hops of 1, an hour in hops of 5 minutes, a day in hops of an hour."""
    ten_minutes = timedelta(minutes=10), timedelta(minutes=1)
    hour = timedelta(hours=1), timedelta(minutes=5)
    day = timedelta(days=1), timedelta(hours=1)
    return [
        Aggregation(event_id, "count", *ten_minutes),
        Aggregation(amount, "sum", *ten_minutes),
        Aggregation(amount, "max", *ten_minutes),
        Aggregation(event_id, "count", *hour),
        Aggregation(amount, "mean", *hour),
        Aggregation(counted, "count_distinct", *hour),
        Aggregation(event_id, "count", *day),
        Aggregation(amount, "sum", *day),
        Aggregation(newest, "last", *day),
    ]


def view(entity: Entity, events: EventType, aggregations: list[Aggregation]) -> StreamFeatureView:
    """Named after its entity and events."""
    return windowed_view(
        f"{entity.name}_{events.name.removeprefix('page_')}",
        entities=[entity],
        events=events,
        aggregations=aggregations,
        description=f"What the benchmark knows of {events.name} by {entity.name}.",
    )


user_orders = view(user, orders, windows("order_id", "amount", "product_id", "category"))
product_orders = view(product, orders, windows("order_id", "amount", "user_id", "device_id"))
user_views = view(user, page_views, windows("view_id", "cart_quantity", "product_id", "category"))
product_views = view(product, page_views, windows("view_id", "cart_quantity", "user_id", "user_id"))

orders_stream, orders_archive = orders.stream, orders.archive
page_views_stream, page_views_archive = page_views.stream, page_views.archive
