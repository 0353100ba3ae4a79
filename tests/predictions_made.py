"""Predictions as the API makes them, for tests of their log."""

from typing import Any

from serving.answers import Score, Served, ViewUse

TIME_US = 1_777_000_000_000_000
"""2026-04-24, in the morning."""


def served(request_id: str = "r1", **changes: Any) -> Served:
    """One answered order."""
    inputs = [0.25, None, -1.0]
    made: dict[str, Any] = {
        "request_id": request_id,
        "time_us": TIME_US,
        "row": {"user_id": "user_0001", "product_id": "prod_0002", "transaction_amount": 20.5},
        "rung": "live",
        "views": {
            "user_orders": ViewUse("PRESENT", TIME_US - 1_500_000, 1.5, "live"),
            "user_profile": ViewUse("NOT_FOUND", None, None, "live"),
        },
        "features": {"user_orders_count_1h": 3, "user_amount_mean_1h": 0.1, "product_category": "toys"},
        "scores": {
            "fraud": Score("fraud@v1", 0.125, inputs, "champion", shadow=False),
            "recommendation": Score("recommendation@v2", 0.75, inputs[:2], None, shadow=True),
        },
        "risk_level": "LOW",
        "latency_ms": 1.25,
    }
    return Served(**(made | changes))
