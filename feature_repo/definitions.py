"""Everything that `feast apply` registers. The other modules are in .feastignore: see docs/decisions.md."""

from feature_repo.batch_views import (
    product_catalogue,
    product_catalogue_source,
    product_statistics,
    product_statistics_source,
    user_profile,
    user_profile_source,
)
from feature_repo.entities import device, product, user
from feature_repo.events import chargebacks, orders, page_views
from feature_repo.on_demand_views import order_context, order_request, product_affinity
from feature_repo.services import fraud_v1, recommendation_v1
from feature_repo.stream_views import (
    device_orders,
    product_chargebacks,
    product_orders,
    product_views,
    user_chargebacks,
    user_orders,
    user_product_orders,
    user_product_views,
    user_views,
)

orders_stream, orders_archive = orders.stream, orders.archive
page_views_stream, page_views_archive = page_views.stream, page_views.archive
chargebacks_stream, chargebacks_archive = chargebacks.stream, chargebacks.archive

__all__ = [
    "chargebacks_archive",
    "chargebacks_stream",
    "device",
    "device_orders",
    "fraud_v1",
    "order_context",
    "order_request",
    "orders_archive",
    "orders_stream",
    "page_views_archive",
    "page_views_stream",
    "product",
    "product_affinity",
    "product_catalogue",
    "product_catalogue_source",
    "product_chargebacks",
    "product_orders",
    "product_statistics",
    "product_statistics_source",
    "product_views",
    "recommendation_v1",
    "user",
    "user_chargebacks",
    "user_orders",
    "user_product_orders",
    "user_product_views",
    "user_profile",
    "user_profile_source",
    "user_views",
]
