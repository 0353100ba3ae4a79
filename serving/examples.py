"""Answers and problems as the OpenAPI document shows them; a test holds them against the schemas."""

from collections.abc import Mapping
from typing import Any, Final

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
            "overruled": [
                {
                    "by": "ops@host-1",
                    "reason": "the machine was busy when its latency was measured",
                    "time": "2026-03-01T09:00:00+00:00",
                    "failed": {"latency of scoring": "one row in 410 us (median), at most 300"},
                }
            ],
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

NOT_READY: dict[str, Any] = {
    "ready": False,
    "checks": {**READY["checks"], "drain": {"ok": False, "reason": "the API ends"}},
}

METRICS = 'shop_api_predictions_total{risk_level="LOW"} 1024.0\n'

_SHORT_BODY = "user_id: String should have at least 1 character"
PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("The body cannot be read", "the body is empty; send a JSON object as in the example of /docs"),
    401: ("Say who you are", "send an API key in X-API-Key"),
    403: ("That is not allowed", "key:reports has no scope 'predict', which this route needs"),
    404: (
        "There is no such erasure",
        f"nothing is known of '{_REQUEST_ID}'; take the id from the answer to DELETE",
    ),
    408: ("Request Timeout", "the head of the request did not come in time"),
    413: ("The body is too large", "the body is larger than 65536 bytes"),
    415: ("The body has to be JSON", "the content type is 'text/plain'; send application/json"),
    422: ("The request is not valid", f"{_SHORT_BODY} (it is '')"),
    429: ("Too many requests", "key:web may ask 100 times a second, 100 at once"),
    431: ("Request Header Fields Too Large", "the head of the request is too large"),
    503: ("Too many questions at once", "128 questions are being answered; come again"),
}
"""Title and detail by status."""


def problem(status: int) -> dict[str, Any]:
    """A problem of this status."""
    title, detail = PROBLEMS[status]
    told = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    if status == 422:
        told["errors"] = [{"field": "user_id", "value": "", "message": _SHORT_BODY.partition(": ")[2]}]
    return {**told, "request_id": _REQUEST_ID}
