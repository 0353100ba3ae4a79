"""Versions in use, what they say, drift, experiments."""

from typing import Final

from infra.monitoring.dashboard import Dashboard, Panel
from infra.monitoring.dashboards.queries import quantile, rate

MODELS: Final = Dashboard(
    "models",
    "Shop: models",
    {
        "In use": (
            Panel(
                "Versions",
                {
                    "{{model}} {{version}} {{part}}": 'count by (model, version, part) (shop_api_model_info{job="api"})'
                },
                help="How many processes use each version, as champion, challenger or shadow.",
            ),
            Panel(
                "Changes in an hour",
                {"{{outcome}}": 'sum by (outcome) (increase(shop_api_model_swaps_total{job="api"}[1h]))'},
            ),
            Panel("Refused", {"models": 'max(shop_api_models_refused{job="api"})'}, kind="stat", limit=1),
        ),
        "What they say": (
            Panel(
                "Predictions by risk",
                {"{{risk_level}}": rate("shop_api_predictions_total", "risk_level", "api")},
                "reqps",
            ),
            Panel(
                "High risk",
                {
                    "share": 'sum(rate(shop_api_predictions_total{job="api",risk_level="HIGH"}[$__rate_interval]))'
                    ' / sum(rate(shop_api_predictions_total{job="api"}[$__rate_interval]))'
                },
                "percentunit",
            ),
            Panel(
                "p99 of scoring",
                {"score": quantile(0.99, "shop_api_stage_seconds", "", "api", ',stage="score"')},
                "s",
            ),
        ),
        "Drift": tuple(
            Panel(
                title,
                {"subjects": f'max(shop_drift_alarms{{job="quality",diagnosis="{diagnosis}"}})'},
                kind="stat",
                limit=1,
                help="Features, scores and labels beyond a threshold on the newest day.",
            )
            for diagnosis, title in (
                ("world", "The world changed"),
                ("pipeline", "The pipeline is skewed"),
                ("freshness", "Freshness is lost"),
            )
        ),
        "Experiments": (
            Panel(
                "Predictions by arm",
                {"{{experiment}} {{arm}}": rate("shop_api_arm_predictions_total", "experiment, arm", "api")},
                "reqps",
                width=12,
            ),
            Panel(
                "Shadows",
                {"{{outcome}}": rate("shop_api_shadow_predictions_total", "outcome", "api")},
                "reqps",
                width=12,
            ),
        ),
    },
)
