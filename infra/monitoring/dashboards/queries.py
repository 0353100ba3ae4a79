"""What several dashboards ask alike."""

from infra.monitoring.dashboard import Panel
from infra.monitoring.objective import RATIO
from infra.monitoring.objectives import OBJECTIVES


def rate(metric: str, by: str, job: str, more: str = "") -> str:
    """PromQL: a counter per second of a job, kept by labels; `more` are further matchers, each behind a comma."""
    return f'sum by ({by}) (rate({metric}{{job="{job}"{more}}}[$__rate_interval]))'


def quantile(q: float, metric: str, by: str, job: str, more: str = "") -> str:
    """PromQL: a quantile of a histogram of a job, kept by labels."""
    return f"histogram_quantile({q}, {rate(f'{metric}_bucket', f'le, {by}' if by else 'le', job, more)})"


def promises(*names: str) -> tuple[Panel, ...]:
    """How fast the error budgets of these objectives burn."""
    return tuple(
        Panel(
            one.promise,
            {
                f"over {window}": f'{RATIO}{window}{{slo="{one.name}"}} / {one.budget:g}'
                for window in ("1h", "6h", "3d")
            },
            "none",
            limit=14.4,
            help="How fast the error budget of 30 days burns; 1 uses it up in time, 14.4 pages.",
        )
        for one in OBJECTIVES
        if one.name in names
    )
