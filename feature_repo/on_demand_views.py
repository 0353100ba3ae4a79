"""Features that need the request. The bodies run from their source text: what they import, they import inside."""

from typing import Any

from feast import RequestSource
from feast.field import Field
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64, Int64, String

from feature_repo.batch_views import product_catalogue, user_profile
from feature_repo.stream_views import product_chargebacks, product_orders, user_orders, user_views

order_request = RequestSource(
    name="order_request",
    schema=[
        Field(name="transaction_amount", dtype=Float64),
        Field(name="request_seconds", dtype=Int64),
        Field(name="request_device_id", dtype=String),
    ],
    description="What only the request knows: the amount, its Unix time and the device.",
)


@on_demand_feature_view(
    sources=[
        order_request,
        user_orders,
        user_profile,
        product_catalogue,
        product_orders,
        product_chargebacks,
    ],
    schema=[
        Field(name="amount_to_user_mean", dtype=Float64),
        Field(name="amount_to_list_price", dtype=Float64),
        Field(name="amount_zscore", dtype=Float64),
        Field(name="is_night", dtype=Int64),
        Field(name="is_weekend", dtype=Int64),
        Field(name="account_age_days", dtype=Float64),
        Field(name="is_new_device", dtype=Int64),
        Field(name="is_new_category", dtype=Int64),
        Field(name="product_chargeback_rate_30d", dtype=Float64),
    ],
    mode="python",
    description="An order against its customer's habits, its product's price and its product's known fraud.",
)
def order_context(inputs: dict[str, Any]) -> dict[str, Any]:
    """Columns of equal length in, columns of that length out."""

    def ratio(numerator: float | None, denominator: float | None) -> float | None:
        return None if numerator is None or not denominator else numerator / denominator

    def row(i: int) -> dict[str, Any]:
        amount, seconds = inputs["transaction_amount"][i], inputs["request_seconds"][i]
        mean, std = inputs["user_amount_mean_30d"][i], inputs["user_amount_std_30d"][i]
        signup = inputs["user_signup_seconds"][i]
        device, last_device = inputs["request_device_id"][i], inputs["user_device_id_last_30d"][i]
        category, last_category = inputs["product_category"][i], inputs["user_category_last_30d"][i]
        frauds, orders = inputs["product_chargebacks_count_30d"][i], inputs["product_orders_count_30d"][i]
        return {
            "amount_to_user_mean": ratio(amount, mean),
            "amount_to_list_price": ratio(amount, inputs["product_list_price"][i]),
            "amount_zscore": None if mean is None else ratio(amount - mean, std),
            "is_night": int(seconds // 3600 % 24 < 6),
            # 1970-01-01 was a Thursday.
            "is_weekend": int((seconds // 86400 + 3) % 7 >= 5),
            "account_age_days": None if signup is None else (seconds - signup) / 86400,
            "is_new_device": int(last_device is not None and device != last_device),
            "is_new_category": int(last_category is not None and category != last_category),
            "product_chargeback_rate_30d": (frauds or 0) / ((orders or 0) + 20),
        }

    rows = [row(i) for i in range(len(inputs["transaction_amount"]))]
    return {name: [r[name] for r in rows] for name in rows[0]} if rows else {}


@on_demand_feature_view(
    sources=[
        user_views[["user_category_last_7d"]],
        user_orders[["user_amount_mean_30d", "user_category_last_30d"]],
        product_catalogue[["product_category", "product_list_price"]],
    ],
    schema=[
        Field(name="views_category_match", dtype=Int64),
        Field(name="orders_category_match", dtype=Int64),
        Field(name="price_to_user_mean", dtype=Float64),
    ],
    mode="python",
    description="A product against what a customer looked at and paid before.",
)
def product_affinity(inputs: dict[str, Any]) -> dict[str, Any]:
    """Columns of equal length in, columns of that length out."""
    categories = inputs["product_category"]
    prices, means = inputs["product_list_price"], inputs["user_amount_mean_30d"]
    return {
        "views_category_match": [
            int(c is not None and c == v)
            for c, v in zip(categories, inputs["user_category_last_7d"], strict=True)
        ],
        "orders_category_match": [
            int(c is not None and c == o)
            for c, o in zip(categories, inputs["user_category_last_30d"], strict=True)
        ],
        "price_to_user_mean": [
            p / m if p is not None and m else None for p, m in zip(prices, means, strict=True)
        ],
    }
