"""What the worker is doing, for /health and the gauges."""

from dataclasses import dataclass
from enum import Enum

from prometheus_client import CollectorRegistry

from ingestion.stream.metrics import StreamMetrics


class Phase(Enum):
    """Phases of a worker; the value is what /health says."""

    STARTING = "starting"
    STANDBY = "standing by"
    RECOVERING = "recovering"
    READY = "ready"
    STORE_AWAY = "online store away"
    STOPPING = "stopping"

    @property
    def is_healthy(self) -> bool:
        """Whether it does what it should: work, or stand by while others work."""
        return self in (Phase.READY, Phase.STANDBY)


@dataclass
class Status:
    """The current phase and why.

    Attributes:
        metrics: Its ``ready`` gauge follows.
        phase: What the worker is doing.
        reason: What it waits for; empty otherwise.
    """

    metrics: StreamMetrics
    phase: Phase = Phase.STARTING
    reason: str = ""

    def enter(self, phase: Phase, reason: str = "") -> None:
        """Go to a phase."""
        self.phase, self.reason = phase, reason
        self.metrics.ready.set(phase is Phase.READY)

    @property
    def registry(self) -> CollectorRegistry:
        """Of the metrics."""
        return self.metrics.registry

    @property
    def is_healthy(self) -> bool:
        """Of the phase."""
        return self.phase.is_healthy

    def as_json(self) -> dict[str, str]:
        """What /health answers."""
        return {"status": self.phase.value, **({"reason": self.reason} if self.reason else {})}
