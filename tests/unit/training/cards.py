"""A card small enough to read."""

from datetime import UTC, datetime, timedelta

from artefact import Card

END = datetime(2026, 6, 1, 12, tzinfo=UTC)


def small_card(created: datetime = END, auc: float = 0.9) -> Card:
    """A card with one number, one string and nested figures."""
    return Card.model_validate(
        {
            "model": "fraud",
            "version": "unnamed",
            "feature_service": "fraud_v1",
            "feature_service_hash": "0" * 64,
            "inputs": [
                {"name": "amount", "dtype": "Float64"},
                {"name": "country", "dtype": "String", "categories": ["DE", "GR"]},
            ],
            "created": created,
            "data_window": {"start": END - timedelta(days=21), "end": END - timedelta(days=14)},
            "metrics": {
                "chosen": "random_forest",
                "protocol": "Held-out days were used once.",
                "test": {"auc": auc},
                "thresholds": {"medium": {"recall": 0.8}, "high": {"recall": 0.5, "precision": 0.7}},
                "calibration": {"brier": 0.01, "reliability": [{"predicted": 0.1, "observed": 0.12}]},
            },
            "thresholds": {"medium": 0.02, "high": 0.4},
            "seed": 7,
            "packages": {"polars": "2"},
            "statistics": {
                "amount": {
                    "null_share": 0.25,
                    "mean": 12.5,
                    "quantiles": {"0.01": 1.0, "0.99": 99.0},
                },
                "country": {"null_share": 0.0, "categories": {"DE": 0.25, "GR": 0.75}},
            },
        }
    )
