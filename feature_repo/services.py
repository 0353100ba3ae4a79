"""The exact features of each model version; training and serving ask for the same one."""

from feast import FeatureService

from feature_repo.batch_views import product_catalogue, product_statistics, user_profile
from feature_repo.on_demand_views import order_context, product_affinity
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

fraud_v1 = FeatureService(
    name="fraud_v1",
    features=[
        user_orders,
        user_views[
            ["user_page_views_count_10m", "user_page_views_count_1h", "user_product_id_count_distinct_1h"]
        ],
        device_orders,
        product_orders[["product_orders_count_1h", "product_orders_count_1d", "product_orders_count_30d"]],
        product_chargebacks,
        user_chargebacks,
        user_profile[["user_verified", "user_signup_seconds"]],
        product_catalogue[["product_category", "product_list_price"]],
        order_context,
    ],
    description="Is this order fraud?",
)

recommendation_v1 = FeatureService(
    name="recommendation_v1",
    features=[
        user_views,
        user_orders[["user_orders_count_30d", "user_amount_mean_30d", "user_category_last_30d"]],
        product_orders[["product_orders_count_1d", "product_orders_count_7d", "product_orders_count_30d"]],
        product_views,
        user_product_views,
        user_product_orders,
        product_catalogue,
        product_statistics,
        product_affinity,
    ],
    description="Will this customer order this product?",
)
