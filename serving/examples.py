"""Answers as the OpenAPI document shows them; a test holds them against the schemas."""

from typing import Any

_VIEW = {"status": "PRESENT", "event_timestamp_us": 1772366399250000, "age_seconds": 0.75, "rung": "live"}
_NEW = {"status": "NOT_FOUND", "event_timestamp_us": None, "age_seconds": None, "rung": "live"}
_REQUEST_ID = "1f0c9a52d7b84e6b9c0de1a2b3c4d5e6"
_FRAUD, _RECOMMENDATION = "20260301T000000Z-3f9a1c07", "20260301T000000Z-b81e44d2"

PREDICTION: dict[str, Any] = {
    "user_id": "user_0123",
    "fraud_probability": 0.0312,
    "recommendation_score": 0.117,
    "risk_level": "LOW",
    "inference_time_ms": 0.91,
    "model_version": f"fraud@{_FRAUD},recommendation@{_RECOMMENDATION}",
    "request_id": _REQUEST_ID,
    "arm": "champion",
    "experiment": None,
    "degraded": None,
    "views": {"user_orders": _VIEW, "user_profile": _NEW},
    "explanation": None,
}

PREDICTIONS: dict[str, Any] = {
    "predictions": [PREDICTION],
    "inference_time_ms": 4.2,
    "request_id": _REQUEST_ID,
    "degraded": None,
}

RECOMMENDATIONS: dict[str, Any] = {
    "user_id": "user_0123",
    "recommendations": [{"product_id": "prod_456", "score": 0.21}, {"product_id": "prod_007", "score": 0.08}],
    "inference_time_ms": 3.1,
    "model_version": f"recommendation@{_RECOMMENDATION}",
    "request_id": _REQUEST_ID,
    "arm": "champion",
    "experiment": None,
    "degraded": None,
    "views": {"product_orders": _VIEW},
}

MODELS: dict[str, Any] = {
    "models": [
        {
            "name": "fraud",
            "version": _FRAUD,
            "feature_service": "fraud_v1",
            "created": "2026-03-01T00:10:00+00:00",
            "trained_on": {"start": "2026-01-01T00:00:00+00:00", "end": "2026-02-01T00:00:00+00:00"},
            "thresholds": {"medium": 0.2, "high": 0.6},
            "arms": ["champion"],
            "shadow": False,
            "rungs": {"live": {"average_precision": 0.71}, "rules": {"average_precision": 0.12}},
            "metrics": {"chosen": "xgboost"},
        }
    ],
    "request_id": _REQUEST_ID,
}

HEALTH: dict[str, Any] = {
    "status": "ok",
    "started": "2026-03-01T08:00:00+00:00",
    "uptime_seconds": 3600.5,
    "models": {
        "fraud": {"version": _FRAUD, "feature_service": "fraud_v1", "created": "2026-03-01T00:10:00+00:00"}
    },
}

READY: dict[str, Any] = {
    "ready": True,
    "checks": {
        "registry": {"ok": True, "reason": ""},
        "fraud": {"ok": True, "reason": ""},
        "redis": {"ok": False, "reason": "reading features took longer than 0.035 s"},
        "stream": {"ok": True, "reason": ""},
    },
}

METRICS = 'shop_api_predictions_total{risk_level="LOW"} 1024.0\n'


def answer(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entry of a successful answer."""
    return {200: {"content": {"application/json": {"example": example}}}}
