"""Equality with history, freshness by view, reads, checks."""

from typing import Final

from infra.monitoring.dashboard import Dashboard, Panel
from infra.monitoring.dashboards.queries import rate

FEATURES: Final = Dashboard(
    "features",
    "Shop: features",
    {
        "Equal to history": (
            Panel(
                "As served",
                {
                    "{{service}}": 'shop_parity_equal_ratio{job="quality"}',
                    "wanted": 'max(shop_parity_equal_ratio_min{job="quality"})',
                },
                "percentunit",
            ),
            Panel(
                "Once lag is counted in",
                {
                    "{{service}}": 'shop_parity_accounted_ratio{job="quality"}',
                    "wanted": 'max(shop_parity_accounted_ratio_min{job="quality"})',
                },
                "percentunit",
            ),
            Panel(
                "Values that are not equal, in an hour",
                {
                    f"{{{{view}}}} {kind}": f'sum by (view) (increase(shop_parity_values_{kind}_total{{job="quality"}}[1h]))'
                    for kind in ("lagging", "stale", "different")
                },
            ),
        ),
        "Fresh": (
            Panel(
                "p99 as a share of the target",
                {
                    "{{view}}": 'max by (view) (shop_freshness_p99_seconds{job="quality"})'
                    ' / on (view) max by (view) (shop_freshness_target_seconds{job="quality"})'
                },
                "percentunit",
                limit=1,
            ),
            Panel(
                "Error budget that is left",
                {"{{view}}": 'min by (view) (shop_freshness_budget_remaining_ratio{job="quality"})'},
                "percentunit",
                limit=0,
                below=True,
            ),
            Panel(
                "How fast it burns",
                {"{{view}} over {{hours}} h": 'shop_freshness_burn_rate{job="quality"}'},
                "none",
                limit=14.4,
            ),
        ),
        "Read": (
            Panel("Rows read", {"{{view}}": rate("shop_api_views_read_total", "view", "api")}, "reqps"),
            Panel(
                "Rows that are not there or too old",
                {
                    "{{view}} {{status}}": rate(
                        "shop_api_views_read_total", "view, status", "api", ',status!="PRESENT"'
                    )
                },
                "reqps",
            ),
            Panel(
                "Nulls among the models' inputs",
                {
                    "share": 'sum(rate(shop_api_feature_values_total{job="api",status="null"}[$__rate_interval]))'
                    ' / sum(rate(shop_api_feature_values_total{job="api"}[$__rate_interval]))'
                },
                "percentunit",
            ),
        ),
        "Checks": (
            Panel(
                "Newest check failed",
                {"{{suite}}": 'shop_quality_check_failed{job="quality"}'},
                "none",
                limit=1,
            ),
            Panel(
                "Since a task was done",
                {
                    "{{task}}": 'time() - max by (task) (shop_quality_last_success_timestamp_seconds{job="quality"})'
                },
                "s",
            ),
            Panel(
                "Tasks that could not be done, in an hour",
                {"{{task}}": 'sum by (task) (increase(shop_quality_task_failures_total{job="quality"}[1h]))'},
            ),
        ),
    },
)
