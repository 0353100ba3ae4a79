"""Plain feature views over tables that `python -m ingestion.batch` writes once a day."""

from datetime import timedelta

from feast import FeatureView, FileSource
from feast.field import Field
from feast.types import Bool, Float64, Int64, String

from feature_repo.entities import product, user

user_profile_source = FileSource(
    name="user_profile_table",
    path="tables/user_profile",
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per customer and change, from the shop's customer table.",
)

user_profile = FeatureView(
    name="user_profile",
    entities=[user],
    ttl=timedelta(days=3650),
    schema=[
        Field(name="user_id", dtype=String),
        Field(name="user_signup_seconds", dtype=Int64, description="Unix time of the registration."),
        Field(name="user_country", dtype=String),
        Field(name="user_verified", dtype=Bool),
    ],
    source=user_profile_source,
    description="Who a customer is.",
)

product_catalogue_source = FileSource(
    name="product_catalogue_table",
    path="tables/product_catalogue",
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per product and change, from the shop's product table.",
)

product_catalogue = FeatureView(
    name="product_catalogue",
    entities=[product],
    ttl=timedelta(days=3650),
    schema=[
        Field(name="product_id", dtype=String),
        Field(name="product_category", dtype=String),
        Field(name="product_list_price", dtype=Float64),
        Field(name="product_in_stock", dtype=Bool),
    ],
    source=product_catalogue_source,
    description="What a product is.",
)

product_statistics_source = FileSource(
    name="product_statistics_table",
    path="tables/product_statistics",
    timestamp_field="event_timestamp",
    created_timestamp_column="created_timestamp",
    description="A row per product and day, computed from the archive of orders and page views.",
)

product_statistics = FeatureView(
    name="product_statistics",
    entities=[product],
    ttl=timedelta(days=7),
    schema=[
        Field(name="product_id", dtype=String),
        Field(
            name="product_conversion", dtype=Float64, description="Orders per page view, 28 days, smoothed."
        ),
        Field(name="product_popularity_rank", dtype=Int64, description="1 is the most ordered of 28 days."),
    ],
    source=product_statistics_source,
    description="How a product did over the last four weeks, as of midnight.",
)
