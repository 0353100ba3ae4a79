"""What the platform promises."""

from typing import Final

from infra.monitoring.objective import Objective

_ASKED: Final = 'job="api",route!~"/health|/ready|/metrics"'
"""Answers that somebody waits for."""
_PREDICTED: Final = 'job="api",route=~"/predict|/recommendations/{user_id}",status="200"'
"""Answers that are fast or slow; a batch takes as long as it has rows."""

OBJECTIVES: Final = (
    Objective(
        name="api_availability",
        alert="ApiErrorBudgetBurns",
        target=0.999,
        good=f'sum(rate(shop_api_request_seconds_count{{{_ASKED},status!~"5.."}}[WINDOW]))',
        total=f"sum(rate(shop_api_request_seconds_count{{{_ASKED}}}[WINDOW]))",
        promise="99.9 % of requests are answered",
        consequence="Clients see 5xx: load that is shed counts, too.",
    ),
    Objective(
        name="api_latency",
        alert="ApiLatencyBudgetBurns",
        target=0.99,
        good=f'sum(rate(shop_api_request_seconds_bucket{{{_PREDICTED},le="0.03"}}[WINDOW]))',
        total=f"sum(rate(shop_api_request_seconds_count{{{_PREDICTED}}}[WINDOW]))",
        promise="99 % of predictions take at most 30 ms",
        consequence="Checkouts wait for their risk.",
    ),
    Objective(
        name="prediction_log",
        alert="PredictionLogBudgetBurns",
        target=0.999,
        good='sum(rate(shop_api_predictions_logged_total{job="api",outcome="acknowledged"}[WINDOW]))',
        total='sum(rate(shop_api_predictions_logged_total{job="api"}[WINDOW]))',
        promise="99.9 % of predictions are logged",
        consequence="What is missing from the log cannot be explained, replayed or compared with history.",
    ),
    Objective(
        name="stream_freshness",
        alert="StreamFreshnessBudgetBurns",
        target=0.99,
        good='sum(rate(shop_stream_freshness_seconds_bucket{job="stream",le="1.01"}[WINDOW]))',
        total='sum(rate(shop_stream_freshness_seconds_count{job="stream"}[WINDOW]))',
        promise="99 % of events can be read in the online store within a second",
        consequence="Answers are made of features that miss what just happened.",
    ),
)
