"""What the program tells of itself: a state for each topic, and metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Summary

_BY: tuple[str, ...] = ("topic",)


class SparkStatus:
    """For /health and /metrics.

    Attributes:
        registry: The metrics.
        rows: Rows written to the online store, by topic.
        failures: Batches that failed and are tried again, by topic.
        batches: How long batches took to compute and write, by topic; its count is that of batches.
    """

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.rows = Counter("shop_spark_rows_pushed", "Rows written to the online store.", _BY, registry=own)
        self.failures = Counter(
            "shop_spark_batch_failures", "Batches that failed and are tried again.", _BY, registry=own
        )
        self.batches = Summary(
            "shop_spark_batch_seconds", "Computing and writing a batch.", _BY, registry=own
        )
        self._ready = Gauge("shop_spark_ready", "1 while every topic streams.", registry=own)
        self._topics: dict[str, str] = {}

    def say(self, topic: str, what: str) -> None:
        """How a topic is: ``streams``, or what it waits for."""
        self._topics[topic] = what
        self._ready.set(self.is_healthy)

    def forget(self, topic: str) -> None:
        """A topic is not served any more."""
        self._topics.pop(topic, None)

    @property
    def is_healthy(self) -> bool:
        """Whether every topic streams; not before there is one."""
        return bool(self._topics) and all(what == "streams" for what in self._topics.values())

    def as_json(self) -> dict[str, str]:
        """What /health answers."""
        return {"status": "ready" if self.is_healthy else "starting or failing", **self._topics}
