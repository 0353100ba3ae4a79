"""What an API says of itself under ``/metrics``."""

from prometheus_client.parser import text_string_to_metric_families

from tests.api_process import RunningApi


def sample(api: RunningApi, name: str, **labels: str) -> float:
    """Sum of a metric's samples that have these labels."""
    return sum(
        found.value
        for family in text_string_to_metric_families(api.get("/metrics").text)
        for found in family.samples
        if found.name == name and labels.items() <= found.labels.items()
    )
