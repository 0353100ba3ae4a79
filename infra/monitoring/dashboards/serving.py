"""Requests, answers without the online store, the log, callers, workers."""

from typing import Final

from infra.monitoring.dashboard import Dashboard, Panel
from infra.monitoring.dashboards.queries import promises, quantile, rate

SERVING: Final = Dashboard(
    "serving",
    "Shop: serving",
    {
        "Promises": promises("api_availability", "api_latency", "prediction_log"),
        "Requests": (
            Panel("Requests", {"{{route}}": rate("shop_api_request_seconds_count", "route", "api")}, "reqps"),
            Panel(
                "Answers that are not 200",
                {"{{status}}": rate("shop_api_request_seconds_count", "status", "api", ',status!="200"')},
                "reqps",
            ),
            Panel(
                "Turned away",
                {"shed": 'sum(rate(shop_api_shed_total{job="api"}[$__rate_interval]))'},
                "reqps",
            ),
            Panel(
                "Time to answer /predict",
                {
                    f"p{q * 100:g}": quantile(q, "shop_api_request_seconds", "", "api", ',route="/predict"')
                    for q in (0.5, 0.99, 0.999)
                },
                "s",
                limit=0.03,
            ),
            Panel("p99 by route", {"{{route}}": "api:request_seconds:p99_5m"}, "s"),
            Panel(
                "p99 by stage",
                {"{{stage}}": quantile(0.99, "shop_api_stage_seconds", "stage", "api")},
                "s",
                help="features: reading the online store; encode and score: the model.",
            ),
        ),
        "Without the online store": (
            Panel(
                "Answers by rung",
                {"{{rung}}": rate("shop_api_answers_total", "rung", "api")},
                "reqps",
                help="live; remembered by the process; typical of training; rules.",
            ),
            Panel(
                "Breaker open",
                {"{{instance}}": 'max by (instance) (shop_api_breaker_state{job="api",state="open"})'},
                "none",
                limit=1,
            ),
            Panel("Not live", {"share": "api:degraded_share:rate5m"}, "percentunit", limit=0.05),
        ),
        "Log, callers, workers": (
            Panel(
                "Predictions by what became of their log record",
                {"{{outcome}}": rate("shop_api_predictions_logged_total", "outcome", "api")},
                "reqps",
            ),
            Panel(
                "Log records that wait",
                {"{{instance}}": 'sum by (instance) (shop_api_predictions_unlogged{job="api"})'},
                limit=10_000,
            ),
            Panel("Callers", {"{{outcome}}": rate("shop_api_access_total", "outcome", "api")}, "reqps"),
            Panel("APIs", {"up": 'sum(up{job="api"})'}, kind="stat"),
            Panel(
                "Workers started in an hour",
                {"{{instance}}": 'sum by (instance) (increase(shop_api_worker_starts_total{job="api"}[1h]))'},
            ),
        ),
    },
)
