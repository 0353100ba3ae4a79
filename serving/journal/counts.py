"""What became of predictions that were to be logged. Hot path."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class Counts:
    """Collectors in the registry of the API's metrics.

    Attributes:
        acknowledged: The broker has it.
        shed: Too many were waiting.
        failed: It could not be encoded or sent, or was not acknowledged before the end.
        waiting: Not acknowledged yet.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        logged = Counter(
            "shop_api_predictions_logged",
            "Predictions by what became of their log record: acknowledged, shed, failed.",
            ["outcome"],
            registry=registry,
        )
        self.acknowledged = logged.labels("acknowledged")
        self.shed = logged.labels("shed")
        self.failed = logged.labels("failed")
        self.waiting = Gauge(
            "shop_api_predictions_unlogged",
            "Predictions whose log record waits or is under way.",
            registry=registry,
        )
