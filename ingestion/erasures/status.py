"""What the program that erases tells of itself."""

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge

from ingestion.erasures.receipt import Request


class EraseStatus:
    """Its metrics and health; see `ingestion.stream.http.Told`.

    Attributes:
        registry: Of the metrics.
        is_healthy: Whether the last look at the requests, and what followed from it, went well.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.is_healthy = False
        self._done = Counter(
            "shop_erase_requests", "Requests to erase somebody that were carried out.", registry=self.registry
        )
        self._pending = Gauge(
            "shop_erase_requests_pending", "Requests that are not carried out yet.", registry=self.registry
        )
        self._oldest = Gauge(
            "shop_erase_oldest_request_seconds",
            "Age of the oldest request that is not carried out yet.",
            registry=self.registry,
        )

    def saw(self, pending: Collection[Request], now_us: int) -> None:
        """Tell what is pending."""
        self._pending.set(len(pending))
        ages = [now_us - request.requested_us for request in pending]
        self._oldest.set(max(ages, default=0) / 1e6)

    def carried_out(self, requests: int) -> None:
        """Tell that so many are done."""
        self._done.inc(requests)
        self.saw([], 0)

    def as_json(self) -> dict[str, str]:
        """What /health answers."""
        return {"status": "ready" if self.is_healthy else "waiting"}
