"""The event types: what arrives on which topic, and what a message must look like."""

from ingestion.derive import event_type

_ID = {"type": "string", "minLength": 1, "maxLength": 64}
_TIME = {"type": "string", "format": "date-time"}
_AMOUNT = {"type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000}
_CATEGORY = {"type": "string", "minLength": 1, "maxLength": 64}

orders = event_type(
    "orders",
    {
        "order_id": _ID,
        "event_timestamp": _TIME,
        "user_id": _ID,
        "product_id": _ID,
        "device_id": _ID,
        "category": _CATEGORY,
        "amount": _AMOUNT,
        "quantity": {"type": "integer", "minimum": 1, "maximum": 10_000},
        "session_id": {"type": "string", "maxLength": 64},
    },
    event_id="order_id",
    optional=("session_id",),
    description="A purchase attempt: one product, one amount in the shop's currency.",
)

page_views = event_type(
    "page_views",
    {
        "view_id": _ID,
        "event_timestamp": _TIME,
        "user_id": _ID,
        "product_id": _ID,
        "category": _CATEGORY,
        "cart_quantity": {"type": "integer", "minimum": 0, "maximum": 10_000},
        "session_id": {"type": "string", "maxLength": 64},
    },
    event_id="view_id",
    optional=("session_id",),
    description="A product page was looked at; cart_quantity is what was put into the cart (0: only looked at).",
)

chargebacks = event_type(
    "chargebacks",
    {
        "chargeback_id": _ID,
        "event_timestamp": _TIME,
        "order_id": _ID,
        "user_id": _ID,
        "product_id": _ID,
        "device_id": _ID,
        "amount": _AMOUNT,
    },
    event_id="chargeback_id",
    description="An order became known as fraud; the event time is when it became known, not the order's.",
)
